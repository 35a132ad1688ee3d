"""The posterior on the unit sphere."""

import math

import torch
from torch import Tensor
from torch.distributions import Distribution
from torch.nn.functional import normalize, softplus

from vae_lab.distributions.limits import limit
from vae_lab.distributions.sphere import PowerSpherical
from vae_lab.posteriors.posterior import Posterior

# At the upper end, the angles around the mean direction are about 1/1000, which unit vectors in float32 still resolve.
CONCENTRATION_RANGE = (1e-3, 1e6)

# Added to the encoder's output: with an output of 0 the concentration is softplus(3), about 3, in units of D - 1.
INITIAL_OFFSET = 3.0


class Spherical(Posterior):
    """q(z | x) = PowerSpherical(direction, concentration) on the unit sphere in `latent_dim` dimensions.

    The encoder gives a vector along the mean direction, and the concentration before a softplus. De Cao & Aziz 2020,
    https://arxiv.org/abs/2006.04437. All directions share one concentration, so it suits few dimensions: in many
    dimensions the rate is high even for a posterior that carries little information.

    Args:
        latent_dim: D >= 2, the dimensions of the space that the sphere lies in.
    """

    space = "sphere"
    has_density = True
    cheap_log_prob = True
    reparameterized = True
    relaxed = False
    is_diagonal = False
    min_latent_dim = 2

    def __init__(self, latent_dim: int) -> None:
        super().__init__(latent_dim)
        self.decoder_gain = math.sqrt(latent_dim)

    @property
    def param_shape(self) -> tuple[int, ...]:
        return (self.latent_dim + 1,)

    def forward(self, params: Tensor) -> Distribution:
        vector, raw = params[..., :-1], params[..., -1]  # (*batch, D) and (*batch,)
        low, high = CONCENTRATION_RANGE
        # The mean of z has length k / (k + D - 1). In units of D - 1 it is 3/4 at initialisation, in any dimension. In
        # units of 1 it would be near 0: the noise would hide the code, and training would lower the rate to zero before
        # the decoder has learned to use z.
        concentration = low + (self.latent_dim - 1) * softplus(raw + INITIAL_OFFSET)
        return PowerSpherical(direction(vector), limit(concentration, high=high))


def direction(vector: Tensor) -> Tensor:
    """Return the unit vectors along the given vectors, of shape (*batch, D); along the first axis for a zero vector."""
    # Dividing by a detached factor changes neither the direction nor its gradient, and keeps the squares in range.
    size = vector.detach().abs().amax(-1, keepdim=True)
    small = size < torch.finfo(vector.dtype).eps
    first_axis = torch.zeros_like(vector)
    first_axis[..., 0] = 1
    return normalize(torch.where(small, first_axis, vector / size.masked_fill(small, 1)), dim=-1)
