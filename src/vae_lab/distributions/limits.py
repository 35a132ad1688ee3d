"""Keep parameters of distributions in the range of the floating-point numbers, without losing their gradient."""

from math import inf
from typing import Any

import torch
from torch import Tensor

MAX_GRADIENT = 1.0  # of a parameter outside of its range


class _Limit(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, low: float, high: float) -> Tensor:
        return torch.where(x.isfinite(), x.clamp(low, high), torch.nan)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, float, float], output: Tensor) -> None:
        x, low, high = inputs
        ctx.save_for_backward((x < low) | (x > high))

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        (outside,), (gradient,) = ctx.saved_tensors, gradients
        # Nothing where it is not a number, as in a clamp: outside of the range the gradient itself may have overflowed.
        bounded = gradient.nan_to_num(0.0, MAX_GRADIENT, -MAX_GRADIENT).clamp(-MAX_GRADIENT, MAX_GRADIENT)
        return torch.where(outside, bounded, gradient), None, None


def limit(x: Tensor, low: float = -inf, high: float = inf) -> Tensor:
    """Return x in [low, high], with the gradient of x itself; outside of the range it is at most 1 in absolute value.

    A plain clamp has no gradient outside of the range: a parameter that was once led there would stay for ever.

    Args:
        x: of any shape.
        low: the lower end.
        high: the upper end.

    Returns:
        Of the shape of `x`; not a number where x is not finite, so that it does not go unnoticed.

    >>> x = torch.tensor([1.0, 50.0], requires_grad=True)
    >>> limit(x, -30, 30).detach(), torch.autograd.grad((2 * limit(x, -30, 30)).sum(), x)[0]
    (tensor([ 1., 30.]), tensor([2., 1.]))
    """
    limited: Tensor = _Limit.apply(x, low, high)
    return limited
