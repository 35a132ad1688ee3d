"""The loss of all members in one pass, and the proof that it is each member's own."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.func import functional_call

from vae_lab.errors import UserError
from vae_lab.experimental.ensemble.groups import WAY_OUT
from vae_lab.experimental.ensemble.rng_tape import Draw, Recording, Replay, stacked
from vae_lab.experimental.ensemble.stack import Stack
from vae_lab.models.latent_model import LatentModel
from vae_lab.objectives.objective import Loss, Objective

Reseed = Callable[[], None]

# How far a gradient may lie from the member's own, relative to its norm; another order of sums stays far below.
TOLERANCE = 1e-3


class Pass(NamedTuple):
    """What an objective gives, and what it made of the buffers."""

    loss: Loss
    buffers: dict[str, Tensor]


class Alone(NamedTuple):
    """A member's step, taken without the others."""

    draws: list[Draw]
    loss: Tensor
    gradients: Sequence[Tensor | None]


class Pair(nn.Module):
    """A model with its objective, whose parameters are named as in a run."""

    def __init__(self, model: LatentModel, objective: Objective) -> None:
        super().__init__()
        self.model = model
        self.objective = objective

    def forward(self, x: Tensor, c: Tensor | None = None) -> Pass:
        return Pass(self.objective(self.model, x, c), dict(self.named_buffers()))


class StackedObjective:
    """The objectives of all members at once, vectorised over the stack.

    Args:
        pairs: the members' models and objectives, which are only read.
        stack: their parameters and buffers.

    Raises:
        UserError: where the members' objectives differ in more than numbers.
    """

    def __init__(self, pairs: Sequence[Pair], stack: Stack) -> None:
        self.pairs = pairs
        self.stack = stack
        self.numbers = differing_numbers([pair.objective for pair in pairs])
        self.draws: list[Draw] | None = None  # of a step, once it was rehearsed

    def __call__(self, x: Tensor, c: Tensor | None, reseeds: Sequence[Reseed]) -> Pass:
        """The members' losses and terms, of shape (N,), and their buffers.

        Args:
            x: images, of shape (N, B, C, H, W).
            c: what they are conditioned on, of shape (N, B, classes).
            reseeds: each puts the default generators where a member's step starts.
        """
        if self.draws is None:
            self.draws = self._rehearse(x, c, reseeds)
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

        # Copies of the buffers: a part may write into them, and a rehearsal must leave no trace.
        buffers = {name: buffer.clone() for name, buffer in self.stack.named_buffer_stacks().items()}
        state = {**self.stack.named_stacks(), **buffers}
        passed: Pass = torch.vmap(member)(state, numbers, batch, stacked(draws, reseeds))
        return passed

    def _rehearse(self, x: Tensor, c: Tensor | None, reseeds: Sequence[Reseed]) -> list[Draw]:
        """Note what a step draws, and see that the stacked step is that of each member, in value and gradient.

        Raises:
            UserError: where it is not.
        """
        try:
            alone = [self._alone(number, x, c, reseeds) for number in range(len(self.stack))]
            draws = alone[0].draws
            losses = self._stacked(draws, x, c, reseeds).loss.value
            gradients = self.stack.gradients(losses.sum())
        except Exception as error:
            raise UserError(
                f"hydra/launcher=ensemble: {place_of(error)} cannot be computed for several members at once "
                f"({str(error).splitlines()[0]}); choose another part, {WAY_OUT}"
            ) from error
        for number, own in enumerate(alone):
            if not own.loss.isfinite():
                continue  # it diverges alone, too
            theirs = [None if gradient is None else gradient[number] for gradient in gradients]
            if not (torch.allclose(losses[number], own.loss, rtol=1e-4) and agree(theirs, own.gradients)):
                raise UserError(
                    f"hydra/launcher=ensemble: {type(self.pairs[0].objective).__name__} with this model does not give "
                    "the members of an ensemble the loss and gradient that they have alone (member "
                    f"{number}: {losses[number].item():.6g}, alone {own.loss.item():.6g}); choose another part, "
                    f"{WAY_OUT}"
                )
        return draws

    def _alone(self, number: int, x: Tensor, c: Tensor | None, reseeds: Sequence[Reseed]) -> Alone:
        """A member's step without the others."""
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
        return Alone(recording.draws, passed.loss.value.detach(), gradients)


def agree(ones: Sequence[Tensor | None], others: Sequence[Tensor | None]) -> bool:
    """Whether two sets of gradients are the same up to the order of sums."""
    if [one is None for one in ones] != [other is None for other in others]:
        return False
    pairs = [(a, b) for a, b in zip(ones, others, strict=True) if a is not None and b is not None]
    distance = torch.stack([(a - b).norm() for a, b in pairs]).norm()
    return bool(distance <= TOLERANCE * torch.stack([b.norm() for _, b in pairs]).norm())


def differing_numbers(objectives: Sequence[Objective]) -> dict[str, list[float]]:
    """The numbers in which objectives differ, by their dotted attribute.

    Raises:
        UserError: where they differ in something else.
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
                    f"which is no number; give all jobs the same, {WAY_OUT}"
                )
            numbers[f"{name}.{attribute}".lstrip(".")] = [float(other) for other in values]
    return numbers


@contextmanager
def with_numbers(objective: Objective, numbers: dict[str, Tensor]) -> Iterator[None]:
    """Put numbers into an objective, for as long as it is called."""
    places = [(objective.get_submodule(name.rpartition(".")[0]), name.rpartition(".")[2]) for name in numbers]
    before = [getattr(module, attribute) for module, attribute in places]
    try:
        for (module, attribute), number in zip(places, numbers.values(), strict=True):
            setattr(module, attribute, number)
        yield
    finally:
        for (module, attribute), value in zip(places, before, strict=True):
            setattr(module, attribute, value)


def place_of(error: BaseException) -> str:
    """The function that an error came from, the innermost one outside torch."""
    place = "the step"
    traceback: Any = error.__traceback__
    while traceback is not None:
        frame = traceback.tb_frame
        module = str(frame.f_globals.get("__name__"))
        if not module.startswith(("torch", "vae_lab.experimental.ensemble")):
            place = f"{module}.{frame.f_code.co_qualname}"
        traceback = traceback.tb_next
    return place
