"""The map from unconstrained numbers to scales with a positive lower bound, and its inverse.

Without the bound, the density of a model that reproduces a pixel exactly would be unbounded.
"""

import math

from torch import Tensor
from torch.nn.functional import softplus


def bounded_scale(raw: Tensor, min_scale: float) -> Tensor:
    """Return a scale from unconstrained numbers: min_scale + log(1 + e^raw)."""
    return min_scale + softplus(raw)


def raw_scale(scale: float, min_scale: float) -> float:
    """Return the number at which `bounded_scale` is `scale`.

    Raises:
        ValueError: if the scale is not above its lower bound.
    """
    if scale <= min_scale:
        raise ValueError(f"initial_scale={scale} must be above min_scale={min_scale}")
    excess = scale - min_scale
    return excess + math.log(-math.expm1(-excess))
