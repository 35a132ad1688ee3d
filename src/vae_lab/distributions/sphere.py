"""Laws of unit vectors: densities with respect to the area of the sphere S^{D-1}."""

import math
from typing import ClassVar

import torch
from torch import Tensor
from torch.distributions import Dirichlet, Distribution, constraints
from torch.nn.functional import normalize
from torch.types import _size

from vae_lab.distributions.special import digamma_difference, log_area, log_gamma_ratio


class UniformSphere(Distribution):
    """The same density everywhere on the sphere: log p(z) = -log area(S^{D-1}).

    Args:
        like: a tensor of shape (D,), of the device and precision of the samples.
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
    """The power spherical law: a density that falls with the angle from its mean direction.

    p(z) = (1 + m^T z)^k / (2^{a+b} pi^b Gamma(a) / Gamma(a + b)),  a = b + k,  b = (D - 1) / 2

    Unlike the von Mises-Fisher law it needs no Bessel functions and is reparameterised through a beta law:
    De Cao & Aziz 2020, https://arxiv.org/abs/2006.04437.

    Args:
        loc: the mean direction m, unit vectors of shape (*batch, D), D >= 2.
        concentration: k >= 0, of shape (*batch,); at 0 the law is uniform.
    """

    arg_constraints: ClassVar[dict[str, constraints.Constraint]] = {}
    has_rsample = True

    def __init__(self, loc: Tensor, concentration: Tensor) -> None:
        self.loc = loc
        self.concentration = concentration
        super().__init__(concentration.shape, loc.shape[-1:], validate_args=False)

    @property
    def dim(self) -> int:
        """D, the dimensions of the space that the sphere lies in."""
        return self.event_shape[0]

    @property
    def beta(self) -> float:
        """The second parameter of the beta law of (1 + m^T z) / 2."""
        return (self.dim - 1) / 2

    @property
    def alpha(self) -> Tensor:
        """The first parameter of the beta law of (1 + m^T z) / 2, of shape (*batch,)."""
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
        """Reparameterised samples: the angle from a beta law, its direction uniform, then a Householder reflection."""
        # Both parts of the beta variable, since 1 - (1 + t) / 2 would lose a small angle to rounding.
        beta_distribution = Dirichlet(
            torch.stack([self.alpha, torch.full_like(self.alpha, self.beta)], -1), validate_args=False
        )
        near, far = beta_distribution.rsample(sample_shape).unbind(
            -1
        )  # (1 + t) / 2 and (1 - t) / 2: (*sample, *batch) each
        # Below the floor the angle is lost in the rounding of a unit vector, and the root has no gradient.
        sine = 2 * (near * far).clamp(min=torch.finfo(near.dtype).eps ** 2).sqrt()
        around = torch.randn((*near.shape, self.dim - 1), dtype=near.dtype, device=near.device)
        tangent = sine.unsqueeze(-1) * normalize(around, dim=-1)  # (*sample, *batch, D - 1)
        upright = torch.cat([(near - far).unsqueeze(-1), tangent], -1)  # around the first axis: (*sample, *batch, D)
        return self._from_first_axis(upright)

    def _from_first_axis(self, y: Tensor) -> Tensor:
        """Carry the first axis to the mean direction, by the reflection that keeps away from dividing by zero."""
        first = self.loc[..., :1]
        sign = torch.where(first >= 0, 1.0, -1.0).to(first.dtype)
        u = torch.cat([first + sign, self.loc[..., 1:]], -1)  # u^T u = 2 (1 + |m_1|) >= 2
        projection = (u * y).sum(-1, keepdim=True) / (1 + first.abs())
        return sign * (u * projection - y)

    def log_prob(self, value: Tensor) -> Tensor:
        # (1 + m^T z) / 2 = 1 - |z - m|^2 / 4, which keeps small angles; the floor is for the point opposite to m.
        opposite = (value - self.loc).square().sum(-1) / 4
        log_cosine = (-opposite.clamp(max=1 - torch.finfo(value.dtype).eps)).log1p()
        return self.concentration * log_cosine + self._log_peak()

    def entropy(self) -> Tensor:
        expected_log_cosine = -digamma_difference(self.alpha, self.beta)
        return -(self.concentration * expected_log_cosine + self._log_peak())

    def _log_peak(self) -> Tensor:
        """log p(m), the density at the mean direction, of shape (*batch,)."""
        return log_gamma_ratio(self.alpha, self.beta) - self.beta * math.log(4 * math.pi)
