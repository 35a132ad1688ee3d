"""The categorical posterior, without a relaxation."""

from torch import Tensor
from torch.distributions import Distribution, Independent, OneHotCategoricalStraightThrough

from vae_lab.configuration.options import AtLeastTwo
from vae_lab.posteriors.posterior import Posterior


class Categorical(Posterior):
    """q(z | x) = prod_d Categorical(z_d; softmax(logits_d(x))), with one-hot z_d in training and in evaluation.

    The encoder gives the logits. No gradient passes through a sample, so it needs an objective with fixed samples, such
    as `score_function`; `gumbel_softmax` is its relaxation.

    Args:
        latent_dim: the number of categorical variables.
        num_categories: the categories of each variable.
    """

    space = "categorical"
    has_density = True
    cheap_log_prob = True
    reparameterized = False
    relaxed = False
    is_diagonal = False

    def __init__(self, latent_dim: int, num_categories: AtLeastTwo = 10) -> None:
        super().__init__(latent_dim)
        self.event_shape = (latent_dim, num_categories)

    @property
    def param_shape(self) -> tuple[int, ...]:
        return self.event_shape

    def forward(self, params: Tensor) -> Distribution:
        # Of torch's two one-hot distributions, this one has `rsample`, which evaluation calls.
        return Independent(OneHotCategoricalStraightThrough(logits=params, validate_args=False), 1, validate_args=False)
