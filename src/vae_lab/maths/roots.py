"""Solving equations in one unknown."""

from collections.abc import Callable

import torch
from torch import Tensor

# Halvings of the bracket: after these nothing is left of it in float32.
NUM_HALVINGS = 60


@torch.no_grad()
def increasing_root(function: Callable[[Tensor], Tensor], value: Tensor, low: float, high: float) -> Tensor:
    """The arguments at which an increasing function, applied element by element, has the given values.

    Args:
        function: an increasing function.
        value: what it shall give; outside its range over [low, high], the nearer end is the answer.
        low: the lower end of the bracket.
        high: the upper end.

    >>> increasing_root(torch.square, torch.tensor([4.0, 9.0]), 0.0, 10.0)
    tensor([2., 3.])
    """
    below, above = torch.full_like(value, low), torch.full_like(value, high)
    for _ in range(NUM_HALVINGS):
        middle = (below + above) / 2
        too_small = function(middle) < value
        below, above = torch.where(too_small, middle, below), torch.where(too_small, above, middle)
    return (below + above) / 2
