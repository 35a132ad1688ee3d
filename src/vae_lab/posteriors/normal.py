"""Normal posteriors."""

from torch import Tensor
from torch.distributions import Distribution, Independent, Normal

from vae_lab.posteriors.posterior import Posterior

# Beyond these the variance is no longer a useful number in float32: it overflows or vanishes when squared.
LOG_VARIANCE_RANGE = (-30.0, 30.0)


class DiagonalNormal(Posterior):
    """q(z | x) = N(mean, diag(variance)); the encoder gives the mean and the logarithm of the variance.

    Kingma & Welling 2014, section 3, https://arxiv.org/abs/1312.6114.
    """

    @property
    def param_shape(self) -> tuple[int, ...]:
        return (2 * self.latent_dim,)

    def forward(self, c: Tensor | None) -> Distribution:
        assert c is not None, "a posterior always has an encoder"
        mean, log_variance = c.chunk(2, -1)  # (*batch, D) each
        scale = (0.5 * log_variance.clamp(*LOG_VARIANCE_RANGE)).exp()
        return Independent(Normal(mean, scale, validate_args=False), 1, validate_args=False)
