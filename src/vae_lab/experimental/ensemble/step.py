"""Compute the loss of all members in one pass, and check that it equals each member's own loss."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.func import functional_call

from vae_lab.errors import UserError
from vae_lab.experimental.ensemble.groups import WAY_OUT
from vae_lab.experimental.ensemble.rng_tape import Draw, Recording, Replay, stack_draws
from vae_lab.experimental.ensemble.stack import Stack
from vae_lab.models.latent_model import LatentModel
from vae_lab.objectives.objective import Loss, Objective

Reseed = Callable[[], None]

# The tolerance of a gradient, relative to the norm of the member's own; rounding errors are far smaller.
TOLERANCE = 1e-3


class Pass(NamedTuple):
    """The result of a step.

    Attributes:
        loss: the loss of the objective.
        buffers: the buffers after the step.
    """

    loss: Loss
    buffers: dict[str, Tensor]


class SeparateStep(NamedTuple):
    """The result of a member's step without the others.

    Attributes:
        draws: its random draws.
        loss: its loss, a scalar.
        gradients: its gradients, None for an unused parameter.
    """

    draws: list[Draw]
    loss: Tensor
    gradients: Sequence[Tensor | None]


class Pair(nn.Module):
    """A model with its objective; the parameters have the same names as in a run."""

    def __init__(self, model: LatentModel, objective: Objective) -> None:
        super().__init__()
        self.model = model
        self.objective = objective

    def forward(self, x: Tensor, c: Tensor | None = None) -> Pass:
        return Pass(self.objective(self.model, x, c), dict(self.named_buffers()))


class StackedObjective:
    """The objectives of all members at once, vectorised over the stack.

    Args:
        pairs: the members' models and objectives, which are not changed.
        stack: their parameters and buffers.

    Raises:
        UserError: if the members' objectives differ in more than numbers.
    """

    def __init__(self, pairs: Sequence[Pair], stack: Stack) -> None:
        self.pairs = pairs
        self.stack = stack
        self.numbers = varying_numbers([pair.objective for pair in pairs])
        self.draws: list[Draw] | None = None  # of a step, recorded at the first one

    def __call__(self, x: Tensor, c: Tensor | None, reseeds: Sequence[Reseed]) -> Pass:
        """Return the members' losses and terms, of shape (N,), and their buffers.

        The first call also checks that they are those of each member, in value and gradient.

        Args:
            x: images, of shape (N, B, C, H, W).
            c: what they are conditioned on, of shape (N, B, classes), or None.
            reseeds: for each member a function that seeds the default generators for its step.

        Raises:
            UserError: if the members cannot be computed at once, or the check fails.
        """
        if self.draws is None:
            self.draws = self._record_and_check(x, c, reseeds)
        return self._stacked(self.draws, x, c, reseeds)

    def _stacked(self, draws: list[Draw], x: Tensor, c: Tensor | None, reseeds: Sequence[Reseed]) -> Pass:
        numbers = {
            name: torch.tensor(values, dtype=x.dtype, device=x.device) for name, values in self.numbers.items()
        }  # (N,) each
        batch = {"x": x} if c is None else {"x": x, "c": c}

        def member(
            state: dict[str, Tensor], numbers: dict[str, Tensor], batch: dict[str, Tensor], noise: list[Tensor]
        ) -> Pass:
            with Replay(draws, noise), with_numbers(self.pairs[0].objective, numbers):
                passed: Pass = functional_call(self.pairs[0], state, kwargs=batch)
            return passed

        # Copies, since a part may write into its buffers and the check of the first step must not change them.
        buffers = {name: buffer.clone() for name, buffer in self.stack.named_buffer_stacks().items()}
        state = {**self.stack.named_stacks(), **buffers}
        passed: Pass = torch.vmap(member)(state, numbers, batch, stack_draws(draws, reseeds))
        return passed

    def _record_and_check(self, x: Tensor, c: Tensor | None, reseeds: Sequence[Reseed]) -> list[Draw]:
        """Record the draws of a step, and check that the stacked step is that of each member, in value and gradient.

        Raises:
            UserError: if it is not.
        """
        try:
            separate = [self._separate_step(number, x, c, reseeds) for number in range(len(self.stack))]
            draws = separate[0].draws
            losses = self._stacked(draws, x, c, reseeds).loss.value
            gradients = self.stack.gradients(losses.sum())
        except Exception as error:
            raise UserError(
                f"hydra/launcher=ensemble: {origin_of(error)} cannot be computed for several members at once; choose "
                f"another part, {WAY_OUT}"
            ) from error
        for number, own in enumerate(separate):
            if not own.loss.isfinite():
                continue  # the member diverges in separate training, too
            of_stack = [None if gradient is None else gradient[number] for gradient in gradients]
            if not (torch.allclose(losses[number], own.loss, rtol=1e-4) and gradients_agree(of_stack, own.gradients)):
                raise UserError(
                    f"hydra/launcher=ensemble: {type(self.pairs[0].objective).__name__} with this model does not give "
                    "the members of an ensemble the same loss and gradient as separate training (member "
                    f"{number}: {losses[number].item():.6g}, expected {own.loss.item():.6g}); choose another part, "
                    f"{WAY_OUT}"
                )
        return draws

    def _separate_step(self, number: int, x: Tensor, c: Tensor | None, reseeds: Sequence[Reseed]) -> SeparateStep:
        """Compute a member's step without the others."""
        state = {
            name: value.detach().clone().requires_grad_(value.requires_grad)
            for name, value in self.pairs[number].named_parameters()
        }
        buffers = {name: value.clone() for name, value in self.pairs[number].named_buffers()}
        batch = {"x": x[number]} if c is None else {"x": x[number], "c": c[number]}
        reseeds[number]()
        with Recording() as recording:
            passed: Pass = functional_call(self.pairs[number], {**state, **buffers}, kwargs=batch)
        trained = [value for value in state.values() if value.requires_grad]
        gradients = torch.autograd.grad(passed.loss.value, trained, allow_unused=True)
        return SeparateStep(recording.draws, passed.loss.value.detach(), gradients)


def gradients_agree(ones: Sequence[Tensor | None], others: Sequence[Tensor | None]) -> bool:
    """Return whether two lists of gradients are equal up to rounding errors."""
    if [one is None for one in ones] != [other is None for other in others]:
        return False
    pairs = [(a, b) for a, b in zip(ones, others, strict=True) if a is not None and b is not None]
    distance = torch.stack([(a - b).norm() for a, b in pairs]).norm()
    return bool(distance <= TOLERANCE * torch.stack([b.norm() for _, b in pairs]).norm())


def varying_numbers(objectives: Sequence[Objective]) -> dict[str, list[float]]:
    """Return the numbers in which objectives differ, by their dotted attribute, one for each objective.

    Raises:
        UserError: if they differ in something else.
    """
    numbers: dict[str, list[float]] = {}
    for name, module in objectives[0].named_modules():
        others = [objective.get_submodule(name) for objective in objectives]
        for attribute, value in vars(module).items():
            values = [vars(other)[attribute] for other in others]
            if attribute.startswith("_") or all(other is value or other == value for other in values):
                continue
            if not all(isinstance(other, int | float) for other in values):
                raise UserError(
                    f"hydra/launcher=ensemble: the objectives differ in {attribute} of {type(module).__name__}, "
                    f"which is not a number; give all jobs the same, {WAY_OUT}"
                )
            numbers[f"{name}.{attribute}".lstrip(".")] = [float(other) for other in values]
    return numbers


@contextmanager
def with_numbers(objective: Objective, numbers: dict[str, Tensor]) -> Iterator[None]:
    """Set numbers of an objective by their dotted attribute, and restore the old ones at the end of the context."""
    attributes = [(objective.get_submodule(name.rpartition(".")[0]), name.rpartition(".")[2]) for name in numbers]
    before = [getattr(module, attribute) for module, attribute in attributes]
    try:
        for (module, attribute), number in zip(attributes, numbers.values(), strict=True):
            setattr(module, attribute, number)
        yield
    finally:
        for (module, attribute), value in zip(attributes, before, strict=True):
            setattr(module, attribute, value)


def origin_of(error: BaseException) -> str:
    """Return the name of the function that raised an error, the innermost one outside torch and this package."""
    origin = "the step"
    traceback: Any = error.__traceback__
    while traceback is not None:
        frame = traceback.tb_frame
        module = str(frame.f_globals.get("__name__"))
        if not module.startswith(("torch", "vae_lab.experimental.ensemble")):
            origin = f"{module}.{frame.f_code.co_qualname}"
        traceback = traceback.tb_next
    return origin
