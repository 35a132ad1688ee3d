"""Special functions for distributions on the unit sphere, accurate where `lgamma` and `digamma` cancel.

At a concentration of 10^6 a difference of two `lgamma` in float32 is off by a nat; these functions avoid that.
"""

import math

import torch
from torch import Tensor

# Added to the arguments of Stirling's series, whose remainder is then below the precision of float64.
SHIFT = 16


def log_area(dim: int) -> float:
    """Return the logarithm of the area of the unit sphere S^{D-1} in D = `dim` dimensions.

    log area = log 2 + D/2 log pi - log Gamma(D / 2)

    >>> round(math.exp(log_area(2)) / math.pi, 6), round(math.exp(log_area(3)) / math.pi, 6)
    (2.0, 4.0)
    """
    return math.log(2) + dim / 2 * math.log(math.pi) - math.lgamma(dim / 2)


def log_gamma_ratio(a: Tensor, b: float) -> Tensor:
    """Return log Gamma(a + b) - log Gamma(a), for a > 0 and b > 0, in the shape of `a`.

    By the recurrence Gamma(x + 1) = x Gamma(x) and then Stirling's series, each written as a difference in which no
    large terms cancel: https://dlmf.nist.gov/5.11

    >>> log_gamma_ratio(torch.tensor(3.0), 2.0).exp().round().item()  # 4! / 2!
    12.0
    """
    rising = a.unsqueeze(-1) + torch.arange(SHIFT, dtype=a.dtype, device=a.device)  # (*batch, SHIFT)
    high = a + SHIFT
    stirling = b * high.log() + (high + b - 0.5) * (b / high).log1p() - b
    return stirling + log_gamma_tail(high + b) - log_gamma_tail(high) - (b / rising).log1p().sum(-1)


def digamma_difference(a: Tensor, b: float) -> Tensor:
    """Return digamma(a + b) - digamma(a), for a > 0 and b > 0: the derivative of `log_gamma_ratio` in a.

    >>> round(digamma_difference(torch.tensor(3.0), 2.0).item(), 6)  # 1/3 + 1/4
    0.583333
    """
    rising = a.unsqueeze(-1) + torch.arange(SHIFT, dtype=a.dtype, device=a.device)  # (*batch, SHIFT)
    high = a + SHIFT
    recurrence = (b / rising / (rising + b)).sum(-1)
    return recurrence + (b / high).log1p() + digamma_tail(high + b) - digamma_tail(high)


def log_gamma_tail(x: Tensor) -> Tensor:
    """Return log Gamma(x) - ((x - 1/2) log x - x + log(2 pi) / 2) by Stirling's series, for large x."""
    r = 1 / x
    square = r.square()
    return r * (1 / 12 - square * (1 / 360 - square * (1 / 1260 - square / 1680)))


def digamma_tail(x: Tensor) -> Tensor:
    """Return digamma(x) - log x by its asymptotic series, for large x."""
    r = 1 / x
    square = r.square()
    return -r / 2 - square * (1 / 12 - square * (1 / 120 - square * (1 / 252 - square / 240)))
