"""The categorical posterior, relaxed in training."""

from torch import Tensor
from torch.distributions import Distribution, Independent, OneHotCategoricalStraightThrough

from vae_lab.configuration.options import AtLeastTwo, PositiveFloat
from vae_lab.distributions import one_hot
from vae_lab.posteriors.posterior import Posterior


class GumbelSoftmax(Posterior):
    """q(z | x) = prod_d Categorical(z_d; softmax(logits_d(x))), with relaxed samples in training.

    The encoder gives the logits. In training the samples are relaxed, so that gradients pass through them, while the
    rate is that of the categorical distribution. In evaluation (`model.eval()`) the distribution is the categorical
    one itself and samples are one-hot, so that the ELBO and the likelihood are those of a model with discrete latent
    variables.

    Objectives that use log q at samples, such as importance-weighted bounds, would use a relaxed log q in training
    (linear in the sample). Their value would not be a bound, so the configuration check does not accept them.
    Objectives with fixed samples, such as `score_function`, draw one-hot vectors and do not use the relaxation, as
    with `categorical`.

    Jang et al. 2017, https://arxiv.org/abs/1611.01144; Maddison et al. 2017, https://arxiv.org/abs/1611.00712.

    Args:
        latent_dim: the number of categorical variables.
        num_categories: the categories of each variable.
        temperature: of the relaxation; as it approaches 0, samples become exact and the gradient noisy.
        hard: whether training uses one-hot samples with the gradient of the relaxed ones (straight-through).
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
        num_categories: AtLeastTwo = 10,
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
        variables: Distribution
        if self.training:
            variables = one_hot.GumbelSoftmax(params, self.temperature, hard=self.hard)
        else:
            variables = OneHotCategoricalStraightThrough(logits=params, validate_args=False)
        return Independent(variables, 1, validate_args=False)
