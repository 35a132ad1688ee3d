"""Discrete posteriors."""

from typing import Annotated

from pydantic import Field
from torch import Tensor
from torch.distributions import Distribution, Independent, OneHotCategoricalStraightThrough

from vae_lab.posteriors.posterior import Posterior


class Categorical(Posterior):
    """q(z | x): `latent_dim` categorical variables, as one-hot vectors, in training as in evaluation.

    The encoder gives their logits. No gradient passes through a sample, so it goes with objectives that hold samples
    fixed, such as `score_function`; `gumbel_softmax` is its relaxation.

    Args:
        latent_dim: the number of variables.
        num_categories: the values that each can take.
    """

    space = "categorical"
    has_density = True
    cheap_log_prob = True
    reparameterized = False
    relaxed = False
    is_diagonal = False

    def __init__(self, latent_dim: int, num_categories: Annotated[int, Field(ge=2)] = 10) -> None:
        super().__init__(latent_dim)
        self.event_shape = (latent_dim, num_categories)

    @property
    def param_shape(self) -> tuple[int, ...]:
        return self.event_shape

    def forward(self, params: Tensor) -> Distribution:
        # Of torch's two it is the one with `rsample`, by which evaluation draws.
        return Independent(OneHotCategoricalStraightThrough(logits=params, validate_args=False), 1, validate_args=False)
