"""Schedules: weights of loss terms that change during training."""

import math
from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from vae_lab.configuration.options import NonNegativeFloat, OpenUnitInterval, PositiveInt


class Schedule(nn.Module, ABC):
    """The base class of schedules: a weight as a function of the number of training batches so far.

    A call returns the current weight. In training, and only if gradients are enabled, it also counts one batch, so an
    objective calls each of its schedules once for each batch. With `trainer.accumulate_grad_batches` these are batches,
    not optimizer steps. The count is a buffer, so that a checkpoint stores it, and so that a compiled objective is not
    recompiled as it grows.

    Attributes:
        step: the training batches so far, of shape ().
    """

    step: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("step", torch.zeros((), dtype=torch.int64))

    @abstractmethod
    def at(self, step: Tensor) -> Tensor:
        """Return the weight after `step` batches, of the shape and dtype of `step`."""

    @property
    def final(self) -> float:
        """The weight in the end."""
        return float(self.at(torch.tensor(math.inf)))

    def forward(self, like: Tensor) -> Tensor:
        """Return the current weight, a scalar of the device and dtype of `like`."""
        weight = self.at(self.step.to(like.dtype))
        if self.training and torch.is_grad_enabled():
            # A new tensor, because a compiled backward pass may recompute the weight from the step of its forward pass.
            self.step = self.step + 1
        return weight


class Constant(Schedule):
    """A constant weight.

    Args:
        value: the weight.
    """

    def __init__(self, value: NonNegativeFloat) -> None:
        super().__init__()
        self.value = float(value)

    def at(self, step: Tensor) -> Tensor:
        return (
            torch.zeros_like(step) + self.value
        )  # `value` may be a tensor with one number for each member of an ensemble


class Linear(Schedule):
    """A linear change from one weight to another, and constant from then on.

    w(t) = start + (end - start) min(1, t / steps)

    The warm-up of Bowman et al. 2016, https://arxiv.org/abs/1511.06349, and of Sonderby et al. 2016,
    https://arxiv.org/abs/1602.02282.

    Args:
        start: the first weight.
        end: the last weight.
        steps: the number of training batches between the two.
    """

    def __init__(self, start: NonNegativeFloat, end: NonNegativeFloat, steps: PositiveInt) -> None:
        super().__init__()
        self.start, self.end, self.steps = start, end, steps

    def at(self, step: Tensor) -> Tensor:
        return self.start + (self.end - self.start) * (step / self.steps).clamp(max=1)


class Cosine(Schedule):
    """A change from one weight to another along half a cosine, with slope zero at both ends.

    w(t) = end + (start - end) (1 + cos(pi min(1, t / steps))) / 2

    Loshchilov & Hutter 2017, equation 5 without restarts, https://arxiv.org/abs/1608.03983.

    Args:
        start: the first weight.
        end: the last weight.
        steps: the number of training batches between the two.
    """

    def __init__(self, start: NonNegativeFloat, end: NonNegativeFloat, steps: PositiveInt) -> None:
        super().__init__()
        self.start, self.end, self.steps = start, end, steps

    def at(self, step: Tensor) -> Tensor:
        progress = (step / self.steps).clamp(max=1)
        return self.end + (self.start - self.end) * (1 + (math.pi * progress).cos()) / 2


class Cyclical(Schedule):
    """A linear rise from zero to the full weight that is repeated in cycles.

    w(t) = end min(1, tau / R),  tau = mod(t, ceil(T / M)) / (T / M)

    with t = 0 for the first batch; after T batches the weight stays full. Fu et al. 2019, equations 6 and 7,
    https://arxiv.org/abs/1903.10145.

    Args:
        end: the full weight.
        steps: T, the number of training batches of all cycles together.
        cycles: M, the number of cycles.
        rising: R, the fraction of a cycle in which the weight rises, in (0, 1).
    """

    def __init__(
        self, steps: PositiveInt, cycles: PositiveInt = 4, rising: OpenUnitInterval = 0.5, end: NonNegativeFloat = 1.0
    ) -> None:
        super().__init__()
        self.steps, self.cycles, self.rising, self.end = steps, cycles, rising, end

    def at(self, step: Tensor) -> Tensor:
        tau = step.remainder(math.ceil(self.steps / self.cycles)) * (self.cycles / self.steps)
        weight = self.end * (tau / self.rising).clamp(max=1)
        return torch.where(step < self.steps, weight, torch.full_like(step, self.end))


def as_schedule(weight: float | Schedule) -> Schedule:
    """Return a weight as a schedule: a number becomes a constant one."""
    return weight if isinstance(weight, Schedule) else Constant(weight)
