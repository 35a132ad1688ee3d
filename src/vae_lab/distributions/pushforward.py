"""Distributions of z = f(e), for standard normal noise e and an invertible map f.

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
    """The base class of distributions of z = f(e), e ~ N(0, I), for vectors z.

    log q(z) = log N(e; 0, I) - log|det df/de|,  e = f^-1(z)

    The log-density of a distribution's own sample needs no inverse of f: the object stores the last tensor that
    `rsample` returned, and the log-density at it. `log_prob` of that same tensor object is therefore cheap, and exact
    where the inverse would lose the noise to rounding. For any other tensor, including a detached copy, `log_prob`
    computes the inverse.

    Args:
        like: a tensor of shape (*batch, D) that has the device and the dtype of z.
    """

    has_rsample = True
    arg_constraints = {}  # noqa: RUF012 (torch's own declaration)

    def __init__(self, like: Tensor) -> None:
        super().__init__(like.shape[:-1], like.shape[-1:], validate_args=False)
        self._like = like.detach()
        self._last: tuple[Tensor, Tensor, bool] | None = None

    @abstractmethod
    def push(self, e: Tensor) -> tuple[Tensor, Tensor]:
        """Return z = f(e) and log|det df/de|, for noise of shape (*sample, *batch, D)."""

    @abstractmethod
    def pull(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Return e = f^-1(z) and log|det de/dz|, for z of a shape that broadcasts with (*batch, D)."""

    @property
    def mean(self) -> Tensor:
        """f(0), the image of the noise's mean: the mean of z if f is affine, and a central point otherwise."""
        with without_autocast(self._like):
            return self.push(torch.zeros_like(self._like))[0]

    def rsample(self, sample_shape: Size | list[int] | tuple[int, ...] = ()) -> Tensor:
        e = self._noise(sample_shape)
        with without_autocast(e):
            z, log_det = self.push(e)
            # A density that was computed without a graph is no answer where gradients are enabled.
            self._last = (z, log_standard_normal(e) - log_det, torch.is_grad_enabled())
        return z

    @torch.no_grad()
    def sample(self, sample_shape: Size | list[int] | tuple[int, ...] = ()) -> Tensor:
        e = self._noise(sample_shape)
        with without_autocast(e):
            return self.push(e)[0]

    def log_prob(self, z: Tensor) -> Tensor:
        if self._last is not None:
            sample, log_q, has_graph = self._last
            if z is sample and (has_graph or not torch.is_grad_enabled()):
                return log_q
        with without_autocast(z):
            e, log_det = self.pull(z)
            return log_standard_normal(e) + log_det

    def _noise(self, sample_shape: Size | list[int] | tuple[int, ...]) -> Tensor:
        shape = self._extended_shape(torch.Size(sample_shape))
        return torch.randn(shape, dtype=self._like.dtype, device=self._like.device)


class CholeskyNormal(Pushforward):
    """The normal distribution N(mean, L L') with L = diag(scale) (I + N): z = mean + scale * (e + N e).

    N holds the correlations relative to the scales, so that units of different scales do not worsen the condition
    number of the system that is solved.

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
        # With `unitriangular` the solver takes the diagonal of I + N to be ones, and reads N below it.
        e = torch.linalg.solve_triangular(self.mixing, mixed.unsqueeze(-1), upper=False, unitriangular=True)
        return e.squeeze(-1), -self.scale.log().sum(-1)


def log_standard_normal(e: Tensor) -> Tensor:
    """Return log N(e; 0, I) in nats, summed over the last dimension: from (*batch, D) to (*batch,)."""
    return -0.5 * (e.square() + LOG_2PI).sum(-1)


def without_autocast(like: Tensor) -> torch.autocast:
    """Return a context without mixed precision on the device of a tensor.

    In mixed precision f and its inverse would be maps that do not match.
    """
    return torch.autocast(like.device.type, enabled=False)
