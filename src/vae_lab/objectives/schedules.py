"""Weights that change while training goes on."""

import math
from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from vae_lab.configuration.options import NonNegativeFloat, OpenUnitInterval, PositiveInt


class Schedule(nn.Module, ABC):
    """A weight as a function of the training batches so far.

    A call gives the weight in force. In training, and only where gradients are recorded, it also counts one batch: an
    objective calls each of its schedules once for each batch. With `trainer.accumulate_grad_batches` these are batches,
    not optimiser steps. The count is a buffer, so that a checkpoint carries it and a compiled objective need not be
    compiled anew as it grows.
    """

    step: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("step", torch.zeros((), dtype=torch.int64))

    @abstractmethod
    def at(self, step: Tensor) -> Tensor:
        """The weight after `step` batches, of the shape and precision of `step`."""

    def forward(self, like: Tensor) -> Tensor:
        """The weight in force, a scalar of the device and precision of `like`."""
        weight = self.at(self.step.to(like.dtype))
        if self.training and torch.is_grad_enabled():
            # A new tensor: a compiled backward pass may compute the weight again, from the step that its forward saw.
            self.step = self.step + 1
        return weight


class Constant(Schedule):
    """The same weight at all times."""

    def __init__(self, value: NonNegativeFloat) -> None:
        super().__init__()
        self.value = float(value)

    def at(self, step: Tensor) -> Tensor:
        return torch.zeros_like(step) + self.value  # which may be one number for each member of an ensemble


class Linear(Schedule):
    """In a straight line from one weight to another, which then stays.

    w(t) = start + (end - start) min(1, t / steps)

    The warm-up of Bowman et al. 2016, https://arxiv.org/abs/1511.06349, and of Sonderby et al. 2016,
    https://arxiv.org/abs/1602.02282.

    Args:
        start: the first weight.
        end: the last weight.
        steps: training batches from one to the other.
    """

    def __init__(self, start: NonNegativeFloat, end: NonNegativeFloat, steps: PositiveInt) -> None:
        super().__init__()
        self.start, self.end, self.steps = start, end, steps

    def at(self, step: Tensor) -> Tensor:
        return self.start + (self.end - self.start) * (step / self.steps).clamp(max=1)


class Cosine(Schedule):
    """From one weight to another along half a cosine, level at both ends.

    w(t) = end + (start - end) (1 + cos(pi min(1, t / steps))) / 2

    Loshchilov & Hutter 2017, equation 5 without restarts, https://arxiv.org/abs/1608.03983.

    Args:
        start: the first weight.
        end: the last weight.
        steps: training batches from one to the other.
    """

    def __init__(self, start: NonNegativeFloat, end: NonNegativeFloat, steps: PositiveInt) -> None:
        super().__init__()
        self.start, self.end, self.steps = start, end, steps

    def at(self, step: Tensor) -> Tensor:
        progress = (step / self.steps).clamp(max=1)
        return self.end + (self.start - self.end) * (1 + (math.pi * progress).cos()) / 2


class Cyclical(Schedule):
    """From zero to the full weight, again and again.

    w(t) = end min(1, tau / R),  tau = mod(t, ceil(T / M)) / (T / M)

    with t = 0 for the first batch; after T batches the weight stays full. Fu et al. 2019, equations 6 and 7,
    https://arxiv.org/abs/1903.10145.

    Args:
        end: the full weight.
        steps: T, training batches of all cycles together.
        cycles: M.
        rising: R, the part of a cycle in which the weight rises.
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


def schedule(weight: float | Schedule) -> Schedule:
    """A weight as an option gives it: a number stands for itself at all times."""
    return weight if isinstance(weight, Schedule) else Constant(weight)
