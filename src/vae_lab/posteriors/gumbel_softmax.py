"""Categorical posteriors."""

from typing import Annotated

from pydantic import Field
from torch import Tensor
from torch.distributions import Distribution, Independent, OneHotCategoricalStraightThrough

from vae_lab.configuration.options import PositiveFloat
from vae_lab.distributions.one_hot import GumbelSoftmax as GumbelSoftmaxDistribution
from vae_lab.posteriors.posterior import Posterior


class GumbelSoftmax(Posterior):
    """q(z | x): `latent_dim` categorical variables, as one-hot vectors; the encoder gives their logits.

    In training the samples are relaxed, for gradients to pass, while the rate is that of the categorical law. In
    evaluation (`model.eval()`) the law is the categorical one itself and samples are one-hot, so that the ELBO and
    the likelihood are those of a model with discrete latent variables. Objectives that use log q at samples, such as
    importance-weighted bounds, would have it relaxed along with them (linearly in the sample): in training their
    value would be a surrogate, so they are refused. Those that hold samples fixed, such as `score_function`, draw
    one-hot vectors and do without the relaxation, as under `categorical`. Jang et al. 2017, https://arxiv.org/abs/1611.01144;
    Maddison et al. 2017, https://arxiv.org/abs/1611.00712.

    Args:
        latent_dim: the number of variables.
        num_categories: the values that each can take.
        temperature: of the relaxation; towards 0 it becomes exact and its gradient noisy.
        hard: whether training sees one-hot samples too, with the gradient of the relaxed ones (straight-through).
    """

    space = "categorical"
    has_density = True
    cheap_log_prob = True
    reparameterized = True
    relaxed = True
    is_diagonal = False

    def __init__(
        self,
        latent_dim: int,
        num_categories: Annotated[int, Field(ge=2)] = 10,
        temperature: PositiveFloat = 0.67,
        hard: bool = False,
    ) -> None:
        super().__init__(latent_dim)
        self.event_shape = (latent_dim, num_categories)
        self.temperature = temperature
        self.hard = hard

    @property
    def param_shape(self) -> tuple[int, ...]:
        return self.event_shape

    def forward(self, params: Tensor) -> Distribution:
        distribution: Distribution
        if self.training:
            distribution = GumbelSoftmaxDistribution(params, self.temperature, hard=self.hard)
        else:
            distribution = OneHotCategoricalStraightThrough(logits=params, validate_args=False)
        return Independent(distribution, 1, validate_args=False)
