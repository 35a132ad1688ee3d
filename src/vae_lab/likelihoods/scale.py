"""Scales that a network or a parameter gives: positive, and bounded below.

Without a bound, a model that reproduces a pixel exactly would have an unbounded density.
"""

import math

from torch import Tensor
from torch.nn.functional import softplus


def bounded_scale(raw: Tensor, min_scale: float) -> Tensor:
    """A scale out of any real number: min_scale + log(1 + e^raw)."""
    return min_scale + softplus(raw)


def raw_scale(scale: float, min_scale: float) -> float:
    """The number at which `bounded_scale` is `scale`.

    Raises:
        ValueError: where the scale is not above its bound.
    """
    if scale <= min_scale:
        raise ValueError(f"initial_scale={scale} must be above min_scale={min_scale}")
    excess = scale - min_scale
    return excess + math.log(-math.expm1(-excess))
