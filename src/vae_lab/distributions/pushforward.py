"""Laws of z = f(e), for standard normal noise e and an invertible map f.

    log q(z) = log N(e; 0, I) - log|det df/de|,  e = f^-1(z)

Rezende & Mohamed 2015, equation 5, https://arxiv.org/abs/1505.05770.
"""

import math
from abc import ABC, abstractmethod

import torch
from torch import Size, Tensor
from torch.distributions import Distribution

LOG_2PI = math.log(2 * math.pi)


class Pushforward(Distribution, ABC):
    """The law of z = f(e), e ~ N(0, I), for vectors z.

    A sample's own log-density needs no inverse of f: the law remembers the last tensor that `rsample` gave, with
    the log-density at it. So `log_prob` of that very tensor is cheap, and exact where the inverse would lose the
    noise to rounding. Any other tensor, a detached copy included, is scored through the inverse.

    Args:
        like: a tensor of shape (*batch, D), of the device and precision of z.
    """

    has_rsample = True
    arg_constraints = {}  # noqa: RUF012 (torch's own declaration)

    def __init__(self, like: Tensor) -> None:
        super().__init__(like.shape[:-1], like.shape[-1:], validate_args=False)
        self._like = like.detach()
        self._last: tuple[Tensor, Tensor, bool] | None = None

    @abstractmethod
    def push(self, e: Tensor) -> tuple[Tensor, Tensor]:
        """z = f(e) and log|det df/de|, at noise of shape (*sample, *batch, D)."""

    @abstractmethod
    def pull(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """e = f^-1(z) and log|det de/dz|, at z of a shape that broadcasts with (*batch, D)."""

    @property
    def mean(self) -> Tensor:
        """f(0), the image of the noise's mean: the mean of z where f is affine, and a central point elsewhere."""
        with exactly(self._like):
            return self.push(torch.zeros_like(self._like))[0]

    def rsample(self, sample_shape: Size | list[int] | tuple[int, ...] = ()) -> Tensor:
        e = self._noise(sample_shape)
        with exactly(e):
            z, log_slope = self.push(e)
            # Without a graph the density is of no use where gradients are asked for.
            self._last = (z, log_standard_normal(e) - log_slope, torch.is_grad_enabled())
        return z

    @torch.no_grad()
    def sample(self, sample_shape: Size | list[int] | tuple[int, ...] = ()) -> Tensor:
        e = self._noise(sample_shape)
        with exactly(e):
            return self.push(e)[0]

    def log_prob(self, z: Tensor) -> Tensor:
        if self._last is not None:
            sample, log_q, has_graph = self._last
            if z is sample and (has_graph or not torch.is_grad_enabled()):
                return log_q
        with exactly(z):
            e, log_slope = self.pull(z)
            return log_standard_normal(e) + log_slope

    def _noise(self, sample_shape: Size | list[int] | tuple[int, ...]) -> Tensor:
        shape = self._extended_shape(torch.Size(sample_shape))
        return torch.randn(shape, dtype=self._like.dtype, device=self._like.device)


class CholeskyNormal(Pushforward):
    """N(mean, L L') with L = diag(scale) (I + N): the law of z = mean + scale * (e + N e).

    N holds the correlations relative to the scales, so that L is no worse conditioned for units of different sizes.

    Args:
        loc: the mean, of shape (*batch, D).
        scale: the diagonal of L, positive, of shape (*batch, D).
        mixing: N, strictly lower triangular, of shape (*batch, D, D).
    """

    def __init__(self, loc: Tensor, scale: Tensor, mixing: Tensor) -> None:
        super().__init__(loc)
        self.loc = loc
        self.scale = scale
        self.mixing = mixing

    @property
    def mean(self) -> Tensor:
        return self.loc

    @property
    def scale_tril(self) -> Tensor:
        """L, of shape (*batch, D, D)."""
        return self.scale.unsqueeze(-1) * self.mixing + torch.diag_embed(self.scale)

    @property
    def variance(self) -> Tensor:
        return self.scale.square() * (1 + self.mixing.square().sum(-1))

    def push(self, e: Tensor) -> tuple[Tensor, Tensor]:
        mixed = e + (self.mixing @ e.unsqueeze(-1)).squeeze(-1)  # (*sample, *batch, D)
        return self.loc + self.scale * mixed, self.scale.log().sum(-1)

    def pull(self, z: Tensor) -> tuple[Tensor, Tensor]:
        mixed = (z - self.loc) / self.scale
        # The solver reads the diagonal of I + N as ones, whatever is written there.
        e = torch.linalg.solve_triangular(self.mixing, mixed.unsqueeze(-1), upper=False, unitriangular=True)
        return e.squeeze(-1), -self.scale.log().sum(-1)


def log_standard_normal(e: Tensor) -> Tensor:
    """log N(e; 0, I), summed over the last dimension."""
    return -0.5 * (e.square() + LOG_2PI).sum(-1)


def exactly(like: Tensor) -> torch.autocast:
    """A region without mixed precision: f and its inverse must be the same map in both directions."""
    return torch.autocast(like.device.type, enabled=False)
