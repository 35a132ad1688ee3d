"""The deterministic code of a plain autoencoder."""

from torch import Tensor
from torch.distributions import Distribution

from vae_lab.distributions.delta import Delta as DeltaDistribution
from vae_lab.posteriors.posterior import Posterior


class Delta(Posterior):
    """q(z | x) = all mass at the encoder's output.

    It has no density, and so no rate, no ELBO and no likelihood estimate: a model with it is trained, selected and
    tested on its distortion.
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
