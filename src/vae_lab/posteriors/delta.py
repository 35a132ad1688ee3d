"""The deterministic code of a plain autoencoder."""

from torch import Tensor
from torch.distributions import Distribution

from vae_lab.distributions.delta import Delta as DeltaDistribution
from vae_lab.posteriors.posterior import Posterior


class Delta(Posterior):
    """q(z | x) = delta(z - e(x)): a deterministic code, with all mass at the encoder's output e(x).

    It has no density, and therefore no rate, no ELBO and no likelihood estimate. A model with this posterior is
    trained, selected and tested by its distortion.

    Args:
        latent_dim: D, the units of z.
    """

    space = "real"
    has_density = False
    cheap_log_prob = True
    reparameterized = True
    relaxed = False
    is_diagonal = False

    @property
    def param_shape(self) -> tuple[int, ...]:
        return (self.latent_dim,)

    def forward(self, params: Tensor) -> Distribution:
        return DeltaDistribution(params)
