"""Record and replay the random draws of a step, so that each member gets the same numbers as in separate training.

Inside `torch.vmap` a draw would be a single draw for all members together. So the draws of a step are recorded once,
repeated for each member from its own seed, and returned when the step calls the drawing functions.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

# Functions whose draws depend on shapes and constants only, never on parameters.
SHAPED: tuple[Callable[..., Any], ...] = (torch.rand, torch.randn, torch.randint, torch.randperm)
LIKE: tuple[Callable[..., Any], ...] = (torch.rand_like, torch.randn_like, torch.randint_like)
IN_PLACE: tuple[Callable[..., Any], ...] = (Tensor.normal_, Tensor.uniform_, Tensor.exponential_)
DRAWS = frozenset(SHAPED + LIKE + IN_PLACE)


class Draw:
    """One call of a drawing function, which can be repeated.

    Args:
        function: the function of torch.
        args: its arguments; of a leading tensor only the shape, type and device are kept.
        kwargs: its keyword arguments.
    """

    def __init__(self, function: Callable[..., Tensor], args: Sequence[Any], kwargs: dict[str, Any]) -> None:
        self.function, self.args, self.kwargs = function, args, kwargs
        self.like = torch.empty_like(args[0], device="meta") if isinstance(args[0], Tensor) else None
        self.device = args[0].device if isinstance(args[0], Tensor) else None

    def __call__(self) -> Tensor:
        if self.like is None:
            return self.function(*self.args, **self.kwargs)
        return self.function(torch.empty_like(self.like, device=self.device), *self.args[1:], **self.kwargs)

    def is_call(self, function: Callable[..., Any], args: Sequence[Any], kwargs: dict[str, Any]) -> bool:
        """Return whether another call draws numbers of the same distribution and shape."""
        if function is not self.function or kwargs != self.kwargs:
            return False
        if self.like is None:
            return list(args) == list(self.args)
        return args[0].shape == self.like.shape and list(args[1:]) == list(self.args[1:])


class Recording(TorchFunctionMode):
    """Records every draw inside it.

    Attributes:
        draws: the recorded draws, in order.
    """

    def __init__(self) -> None:
        super().__init__()
        self.draws: list[Draw] = []

    def __torch_function__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func in DRAWS:
            self.draws.append(Draw(func, args, kwargs or {}))
        return func(*args, **(kwargs or {}))


class Replay(TorchFunctionMode):
    """Returns numbers that were drawn before, in the order of the recording.

    It also replaces functions that are slow under `torch.vmap` by equivalent ones.

    Args:
        draws: the recorded draws.
        noise: the numbers of each draw.

    Raises:
        RuntimeError: if a draw inside it differs from the recorded one.
    """

    def __init__(self, draws: Sequence[Draw], noise: Iterable[Tensor]) -> None:
        super().__init__()
        self.pending = list(zip(draws, noise, strict=True))

    def __torch_function__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if func in DRAWS:
            if not self.pending or not self.pending[0][0].is_call(func, args, kwargs):
                raise RuntimeError("its random draws differ between steps")
            return self.pending.pop(0)[1]
        return FASTER.get(func, func)(*args, **kwargs)


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Compute `torch.nn.functional.linear` with flattened leading dimensions, for which vmap would copy the weights."""
    if x.ndim <= 2:
        return functional.linear(x, weight, bias)
    return functional.linear(x.flatten(0, -2), weight, bias).unflatten(0, x.shape[:-1])


def cross_entropy(logits: Tensor, target: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """Compute `binary_cross_entropy_with_logits` by its formula, since vmap splits its kernel into a dozen passes."""
    if args or kwargs.keys() - {"reduction"} or kwargs.get("reduction") != "none":
        return functional.binary_cross_entropy_with_logits(logits, target, *args, **kwargs)
    return (1 - target) * logits + functional.softplus(-logits)


FASTER: dict[Callable[..., Any], Callable[..., Any]] = {
    functional.linear: linear,
    functional.binary_cross_entropy_with_logits: cross_entropy,
}


def stack_draws(draws: Sequence[Draw], reseeds: Sequence[Callable[[], None]]) -> list[Tensor]:
    """Draw the numbers of each draw for all members, of shape (N, *draw).

    Args:
        draws: the recorded draws.
        reseeds: for each member a function that seeds the default generators for its step.
    """
    members = []
    for reseed in reseeds:
        reseed()
        members.append([draw() for draw in draws])
    return [torch.stack(numbers) for numbers in zip(*members, strict=True)]
