"""Posteriors on the unit sphere."""

import math

import torch
from torch import Tensor
from torch.distributions import Distribution
from torch.nn.functional import normalize, softplus

from vae_lab.distributions.sphere import PowerSpherical
from vae_lab.posteriors.posterior import Posterior

# The smallest angle of the law's spread is then a thousandth, which unit vectors in float32 still resolve.
CONCENTRATION_RANGE = (1e-3, 1e6)

# softplus(3) is about 3, in units of D - 1.
INITIAL = 3.0


class Spherical(Posterior):
    """q(z | x) = PowerSpherical(direction, concentration) on the unit sphere in `latent_dim` dimensions.

    The encoder gives a vector along the mean direction, and the concentration before a softplus. De Cao & Aziz 2020,
    https://arxiv.org/abs/2006.04437. One concentration serves all directions, so the law suits few dimensions: in
    many, its rate is high before it says anything.
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
        # The mean of z has length k / (k + D - 1), which starts at 3/4 in any dimension. Where it starts near 0, as in
        # units of 1, the code drowns in noise and training gives it up before the decoder has learned to read it.
        concentration = low + (self.latent_dim - 1) * softplus(raw + INITIAL)
        return PowerSpherical(direction(vector), concentration.clamp(max=high))


def direction(vector: Tensor) -> Tensor:
    """Unit vectors along those given, of any size; the first axis in place of a vector that has no direction."""
    # A factor changes no direction, nor its gradient: it only keeps squares in range.
    size = vector.detach().abs().amax(-1, keepdim=True)
    small = size < torch.finfo(vector.dtype).eps
    first_axis = torch.zeros_like(vector)
    first_axis[..., 0] = 1
    return normalize(torch.where(small, first_axis, vector / size.masked_fill(small, 1)), dim=-1)
