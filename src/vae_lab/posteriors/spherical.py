"""Posteriors on the unit sphere."""

import torch
from torch import Tensor
from torch.distributions import Distribution
from torch.nn.functional import normalize, softplus

from vae_lab.laws.sphere import PowerSpherical
from vae_lab.posteriors.posterior import Posterior

# The smallest angle of the law's spread is then a thousandth, which unit vectors in float32 still resolve.
CONCENTRATION_RANGE = (1e-3, 1e6)


class Spherical(Posterior):
    """q(z | x) = PowerSpherical(direction, concentration) on the unit sphere in `latent_dim` dimensions.

    The encoder gives a vector along the mean direction, and the concentration before a softplus. De Cao & Aziz 2020,
    https://arxiv.org/abs/2006.04437.
    """

    space = "sphere"
    min_latent_dim = 2

    @property
    def param_shape(self) -> tuple[int, ...]:
        return (self.latent_dim + 1,)

    def forward(self, c: Tensor | None) -> Distribution:
        assert c is not None, "a posterior always has an encoder"
        vector, raw = c[..., :-1], c[..., -1]  # (*batch, D) and (*batch,)
        low, high = CONCENTRATION_RANGE
        return PowerSpherical(direction(vector), low + softplus(raw).clamp(max=high))


def direction(vector: Tensor) -> Tensor:
    """Unit vectors along those given, of any size; the first axis in place of a vector that has no direction."""
    # A factor changes no direction, nor its gradient: it only keeps squares in range.
    size = vector.detach().abs().amax(-1, keepdim=True)
    small = size < torch.finfo(vector.dtype).eps
    first_axis = torch.zeros_like(vector)
    first_axis[..., 0] = 1
    return normalize(torch.where(small, first_axis, vector / size.masked_fill(small, 1)), dim=-1)
