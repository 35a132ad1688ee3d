"""Distributions of unit vectors: their densities are with respect to the area of the sphere S^{D-1}."""

import math
from typing import ClassVar

import torch
from torch import Tensor
from torch.distributions import Dirichlet, Distribution, constraints
from torch.nn.functional import normalize
from torch.types import _size

from vae_lab.distributions.special import digamma_difference, log_area, log_gamma_ratio


class UniformSphere(Distribution):
    """The uniform distribution on the sphere: log p(z) = -log area(S^{D-1}).

    Args:
        like: a tensor of shape (D,) that has the device and the dtype of the samples.
    """

    arg_constraints: ClassVar[dict[str, constraints.Constraint]] = {}

    def __init__(self, like: Tensor) -> None:
        self.like = like
        super().__init__(event_shape=like.shape, validate_args=False)

    @property
    def mean(self) -> Tensor:
        """The centre of the sphere."""
        return torch.zeros_like(self.like)

    def sample(self, sample_shape: _size = ()) -> Tensor:
        shape = self._extended_shape(sample_shape)  # (*sample, D)
        return normalize(torch.randn(shape, dtype=self.like.dtype, device=self.like.device), dim=-1)

    def log_prob(self, value: Tensor) -> Tensor:
        return value.new_full(value.shape[:-1], -log_area(self.event_shape[0]))


class PowerSpherical(Distribution):
    """The power spherical distribution, whose density falls with the angle from its mean direction.

    p(z) = (1 + m^T z)^k / (2^{a+b} pi^b Gamma(a) / Gamma(a + b)),  a = b + k,  b = (D - 1) / 2

    Unlike the von Mises-Fisher distribution it needs no Bessel functions, and it is reparameterised through a beta
    distribution: De Cao & Aziz 2020, https://arxiv.org/abs/2006.04437.

    Args:
        loc: the mean direction m, unit vectors of shape (*batch, D), D >= 2.
        concentration: k >= 0, of shape (*batch,); at 0 the distribution is uniform.
    """

    arg_constraints: ClassVar[dict[str, constraints.Constraint]] = {}
    has_rsample = True

    def __init__(self, loc: Tensor, concentration: Tensor) -> None:
        self.loc = loc
        self.concentration = concentration
        super().__init__(concentration.shape, loc.shape[-1:], validate_args=False)

    @property
    def dim(self) -> int:
        """D, the dimension of the space that the sphere lies in."""
        return self.event_shape[0]

    @property
    def beta(self) -> float:
        """The second parameter of the beta distribution of (1 + m^T z) / 2."""
        return (self.dim - 1) / 2

    @property
    def alpha(self) -> Tensor:
        """The first parameter of the beta distribution of (1 + m^T z) / 2, of shape (*batch,)."""
        return self.beta + self.concentration

    @property
    def mode(self) -> Tensor:
        """The mean direction."""
        return self.loc

    @property
    def mean(self) -> Tensor:
        """E[z] = k / (k + D - 1) m, a point inside the sphere."""
        return (self.concentration / (self.concentration + self.dim - 1)).unsqueeze(-1) * self.loc

    def rsample(self, sample_shape: _size = ()) -> Tensor:
        """Draw reparameterised samples, of shape (*sample, *batch, D).

        The cosine t = m^T z of the angle comes from a beta distribution and the direction around m is uniform; then
        the first axis is reflected to m.
        """
        # A Dirichlet of two gives both (1 + t) / 2 and (1 - t) / 2: as 1 - (1 + t) / 2 a small angle would be lost.
        shapes = torch.stack([self.alpha, torch.full_like(self.alpha, self.beta)], -1)  # (*batch, 2)
        # In float32 torch's gradient of these samples is a fifth off at a concentration of 10^6.
        wide = shapes if shapes.device.type == "mps" else shapes.double()
        split = Dirichlet(wide, validate_args=False).rsample(sample_shape).to(shapes.dtype)
        near, far = split.unbind(-1)  # (*sample, *batch) each
        # The floor is where a unit vector no longer resolves the angle, and where the root has no finite gradient.
        sine = 2 * (near * far).clamp(min=torch.finfo(near.dtype).eps ** 2).sqrt()
        around = torch.randn((*near.shape, self.dim - 1), dtype=near.dtype, device=near.device)
        tangent = sine.unsqueeze(-1) * normalize(around, dim=-1)  # (*sample, *batch, D - 1)
        around_axis = torch.cat([(near - far).unsqueeze(-1), tangent], -1)  # (*sample, *batch, D)
        return self._reflect_to_mean(around_axis)

    def _reflect_to_mean(self, y: Tensor) -> Tensor:
        """Map samples around the first axis to samples around m, by the Householder reflection that is well defined."""
        first = self.loc[..., :1]
        sign = torch.where(first >= 0, 1.0, -1.0).to(first.dtype)
        u = torch.cat([first + sign, self.loc[..., 1:]], -1)  # u^T u = 2 (1 + |m_1|) >= 2
        projection = (u * y).sum(-1, keepdim=True) / (1 + first.abs())
        return sign * (u * projection - y)

    def log_prob(self, value: Tensor) -> Tensor:
        # (1 + m^T z) / 2 = 1 - |z - m|^2 / 4, where the right side resolves small angles. The clamp keeps the point
        # opposite to m finite.
        opposite = (value - self.loc).square().sum(-1) / 4
        log_cosine = (-opposite.clamp(max=1 - torch.finfo(value.dtype).eps)).log1p()
        return self.concentration * log_cosine + self._log_peak()

    def entropy(self) -> Tensor:
        expected_log_cosine = -digamma_difference(self.alpha, self.beta)
        return -(self.concentration * expected_log_cosine + self._log_peak())

    def _log_peak(self) -> Tensor:
        """Return log p(m), the log-density at the mean direction, of shape (*batch,)."""
        return log_gamma_ratio(self.alpha, self.beta) - self.beta * math.log(4 * math.pi)
