"""Numerical solution of equations in one unknown."""

from collections.abc import Callable

import torch
from torch import Tensor

# After this many halvings the bracket is narrower than the precision of float32.
NUM_HALVINGS = 60


@torch.no_grad()
def increasing_root(function: Callable[[Tensor], Tensor], value: Tensor, low: float, high: float) -> Tensor:
    """Solve function(x) = value by bisection, elementwise.

    Args:
        function: an increasing function, applied element by element.
        value: the right side, of any shape; if it is not reached in [low, high], the nearer end is the result.
        low: the lower end of the bracket.
        high: the upper end of the bracket.

    Returns:
        x, of the shape of `value`.

    >>> increasing_root(torch.square, torch.tensor([4.0, 9.0]), 0.0, 10.0)
    tensor([2., 3.])
    """
    below, above = torch.full_like(value, low), torch.full_like(value, high)
    for _ in range(NUM_HALVINGS):
        middle = (below + above) / 2
        too_small = function(middle) < value
        below, above = torch.where(too_small, middle, below), torch.where(too_small, above, middle)
    return (below + above) / 2
