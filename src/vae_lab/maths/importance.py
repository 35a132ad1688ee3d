"""Importance weights of many samples, met a few at a time."""

import math

import torch
from torch import Tensor


class ImportanceWeights:
    """Streaming statistics of log-weights: the importance-weighted bound, the curve that leads to it, and its health.

    L_K = log 1/K sum_k w_k,  ESS = (sum_k w_k)^2 / sum_k w_k^2

    The curve has the bounds of 1, 10, 100, ... samples, each a mean over disjoint groups of the same K samples: each
    is an unbiased estimate of its L_k, and by Jensen's inequality none lies above the next where they divide each
    other. Burda et al. 2016, theorem 1, https://arxiv.org/abs/1509.00519. What is held does not grow with K.

    Args:
        num_samples: K, the samples in all.

    >>> weights = ImportanceWeights(20)
    >>> for log_w in torch.zeros(20, 1).split(10):
    ...     weights.add(log_w)
    >>> round(weights.curve()[20].item(), 6), round(weights.effective_sample_size().item(), 6)
    (0.0, 20.0)
    """

    def __init__(self, num_samples: int) -> None:
        self.levels = levels(num_samples)
        self.num_samples = 0
        self.log_sum: dict[int, Tensor] = {}  # of the weights of each level's open group, (B,) each
        self.bounds: dict[int, Tensor] = {}  # sums of the bounds of its closed groups, (B,) each
        self.log_sum_squares = torch.tensor(-math.inf)

    def add(self, log_w: Tensor) -> None:
        """Count samples.

        Args:
            log_w: log-weights, of shape (S, B). S is the same power of ten in every call, but for the last one, where
                it may be lower.
        """
        log_w = log_w if log_w.device.type == "mps" else log_w.double()
        self.num_samples += len(log_w)
        for level in self.levels:
            if level <= len(log_w) and level < self.levels[-1]:
                whole = len(log_w) // level * level
                groups = log_w[:whole].unflatten(0, (-1, level)).logsumexp(1)  # (groups, B)
                self._close(level, groups)
                continue
            log_sum = log_w.logsumexp(0)
            open_sum = self.log_sum.get(level)
            self.log_sum[level] = log_sum if open_sum is None else torch.logaddexp(open_sum, log_sum)
            if self.num_samples % level == 0:
                self._close(level, self.log_sum.pop(level).unsqueeze(0))
        self.log_sum_squares = torch.logaddexp(self.log_sum_squares.to(log_w), (2 * log_w).logsumexp(0))

    def curve(self) -> dict[int, Tensor]:
        """L_k by number of samples, in nats, of shape (B,) each."""
        return {level: total / (self.num_samples // level) for level, total in self.bounds.items()}

    def effective_sample_size(self) -> Tensor:
        """How many equally weighted samples the weighted ones are worth, between 1 and K, of shape (B,)."""
        log_sum = self.bounds[self.levels[-1]] + math.log(self.num_samples)
        return (2 * log_sum - self.log_sum_squares).exp()

    def _close(self, level: int, log_sums: Tensor) -> None:
        """Count groups of weights that are complete."""
        bounds = (log_sums - math.log(level)).sum(0)
        self.bounds[level] = self.bounds[level] + bounds if level in self.bounds else bounds


def levels(num_samples: int) -> list[int]:
    """The powers of ten below a number of samples, and the number itself.

    >>> levels(5000), levels(1)
    ([1, 10, 100, 1000, 5000], [1])
    """
    powers = [10**power for power in range(len(str(num_samples))) if 10**power < num_samples]
    return [*powers, num_samples]
