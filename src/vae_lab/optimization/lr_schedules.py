"""Schedules of the learning rate."""

from abc import ABC, abstractmethod

from vae_lab.configuration.options import AtLeastTwo, NumStages, PositiveFloat


class Schedule(ABC):
    """A factor of the learning rate, as a function of the completed share of training.

    A run with fewer epochs has the same schedule, shortened.
    """

    @abstractmethod
    def factor(self, step: int, num_steps: int) -> float:
        """Return the factor of the learning rate at an optimisation step.

        Args:
            step: the step, counted from 0.
            num_steps: all steps of the training.
        """


class Stages(Schedule):
    """Stages of increasing length and decreasing learning rate.

    Stage i = 0, ..., n - 1 takes the share g^i / (1 + g + ... + g^(n-1)) of all steps, with the factor f^(i / (n-1)).
    With n = 8, g = 3, f = 0.1 and 3280 epochs it is the schedule of Burda et al. 2016, section 5,
    https://arxiv.org/abs/1509.00519: 3^i epochs at a rate of 0.001 * 10^(-i/7).

    Args:
        num_stages: n.
        growth: g, the length of a stage divided by that of the one before it.
        final_factor: f, the rate of the last stage divided by that of the first.
    """

    def __init__(self, num_stages: NumStages = 8, growth: AtLeastTwo = 3, final_factor: PositiveFloat = 0.1) -> None:
        self.lengths = [growth**stage for stage in range(num_stages)]
        self.final_factor = final_factor

    def factor(self, step: int, num_steps: int) -> float:
        # In integers, so that no rounding shifts the start of a stage.
        starts = [sum(self.lengths[:stage]) * num_steps for stage in range(len(self.lengths))]
        stage = sum(start <= step * sum(self.lengths) for start in starts) - 1
        return float(self.final_factor ** (stage / (len(self.lengths) - 1)))
