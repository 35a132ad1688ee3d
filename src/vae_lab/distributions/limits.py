"""Keep parameters of distributions in the range of the floating-point numbers, without losing their gradient."""

from math import inf

import torch
from torch import Tensor


def limit(x: Tensor, low: float = -inf, high: float = inf) -> Tensor:
    """Return x in [low, high], with the gradient of x itself.

    A plain clamp has no gradient outside of the range: a parameter that was once led there would stay for ever.

    Args:
        x: of any shape.
        low: the lower end.
        high: the upper end.

    Returns:
        Of the shape of `x`; not a number where x is not finite, so that it does not go unnoticed.

    >>> x = torch.tensor([1.0, 50.0], requires_grad=True)
    >>> limit(x, -30, 30).detach(), torch.autograd.grad(limit(x, -30, 30).sum(), x)[0]
    (tensor([ 1., 30.]), tensor([1., 1.]))
    """
    limited = x.detach().clamp(low, high)
    return torch.where(limited == x, x, limited + (x - x.detach()))
