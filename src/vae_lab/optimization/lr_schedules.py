"""How the learning rate changes over training."""

from abc import ABC, abstractmethod

from vae_lab.configuration.options import AtLeastTwo, PositiveFloat


class Schedule(ABC):
    """A function of the share of training that is done: a run with fewer epochs has the same schedule, shortened."""

    @abstractmethod
    def factor(self, step: int, num_steps: int) -> float:
        """What the learning rate is multiplied with at an optimisation step, counted from 0, of `num_steps`."""


class Stages(Schedule):
    """Stages of growing length, of which each has a lower learning rate.

    Stage i = 0, ..., n - 1 takes g^i / (1 + g + ... + g^(n-1)) of all steps, at f^(i / (n-1)) of the rate. With n = 8,
    g = 3, f = 0.1 and 3280 epochs it is Burda et al. 2016, section 5, https://arxiv.org/abs/1509.00519: 3^i epochs at
    a rate of 0.001 * 10^(-i/7).

    Args:
        num_stages: n.
        growth: g, how many times longer a stage is than the one before it.
        final_factor: f, the rate of the last stage, of that of the first.
    """

    def __init__(self, num_stages: AtLeastTwo = 8, growth: AtLeastTwo = 3, final_factor: PositiveFloat = 0.1) -> None:
        self.lengths = [growth**stage for stage in range(num_stages)]
        self.final_factor = final_factor

    def factor(self, step: int, num_steps: int) -> float:
        # In whole numbers: a stage starts at the very step that it should.
        starts = [sum(self.lengths[:stage]) * num_steps for stage in range(len(self.lengths))]
        stage = sum(start <= step * sum(self.lengths) for start in starts) - 1
        return float(self.final_factor ** (stage / (len(self.lengths) - 1)))
