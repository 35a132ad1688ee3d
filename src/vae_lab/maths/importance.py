"""Statistics of many importance weights, accumulated from blocks of samples."""

import math

import torch
from torch import Tensor


class ImportanceWeights:
    """Streaming statistics of log-weights: the importance-weighted bound for growing K, and the effective sample size.

    L_K = log 1/K sum_k w_k,  ESS = (sum_k w_k)^2 / sum_k w_k^2

    The curve has the bounds of 1, 10, 100, ..., K samples, each a mean over disjoint groups of the same K samples.
    Each is an unbiased estimate of E[L_k]. By Jensen's inequality a bound never lies above the next one where its
    group size divides the other's: Burda et al. 2016, theorem 1, https://arxiv.org/abs/1509.00519. The memory does not
    grow with K.

    Args:
        num_samples: K, the total number of samples.

    >>> weights = ImportanceWeights(20)
    >>> for log_w in torch.zeros(20, 1).split(10):
    ...     weights.add(log_w)
    >>> round(weights.curve()[20].item(), 6), round(weights.effective_sample_size().item(), 6)
    (0.0, 20.0)
    """

    def __init__(self, num_samples: int) -> None:
        self.group_sizes = group_sizes(num_samples)
        self.num_samples = 0
        self.log_sum: dict[int, Tensor] = {}  # by group size, log sum w of the group that is not yet full, (B,) each
        self.bounds: dict[int, Tensor] = {}  # by group size, the sum of the bounds of the full groups, (B,) each
        self.log_sum_squares = torch.tensor(-math.inf)

    def add(self, log_w: Tensor) -> None:
        """Add a block of samples.

        Args:
            log_w: log-weights, of shape (S, B). S must be the same power of ten in every call except the last, where
                it may be smaller.
        """
        log_w = log_w if log_w.device.type == "mps" else log_w.double()
        self.num_samples += len(log_w)
        for size in self.group_sizes:
            if size <= len(log_w) and size < self.group_sizes[-1]:
                num_grouped = len(log_w) // size * size
                log_sums = log_w[:num_grouped].unflatten(0, (-1, size)).logsumexp(1)  # (groups, B)
                self._add_groups(size, log_sums)
                continue
            log_sum = log_w.logsumexp(0)
            earlier = self.log_sum.get(size)
            self.log_sum[size] = log_sum if earlier is None else torch.logaddexp(earlier, log_sum)
            if self.num_samples % size == 0:
                self._add_groups(size, self.log_sum.pop(size).unsqueeze(0))
        self.log_sum_squares = torch.logaddexp(self.log_sum_squares.to(log_w), (2 * log_w).logsumexp(0))

    def curve(self) -> dict[int, Tensor]:
        """Return L_k in nats by the number of samples k, of shape (B,) each."""
        return {size: total / (self.num_samples // size) for size, total in self.bounds.items()}

    def effective_sample_size(self) -> Tensor:
        """Return the effective sample size, between 1 and K, of shape (B,)."""
        log_sum = self.bounds[self.group_sizes[-1]] + math.log(self.num_samples)
        return (2 * log_sum - self.log_sum_squares).exp()

    def _add_groups(self, size: int, log_sums: Tensor) -> None:
        """Add the bounds of full groups, from their log sum w of shape (groups, B)."""
        bounds = (log_sums - math.log(size)).sum(0)
        self.bounds[size] = self.bounds[size] + bounds if size in self.bounds else bounds


def group_sizes(num_samples: int) -> list[int]:
    """Return the powers of ten below a number of samples, and the number itself.

    >>> group_sizes(5000), group_sizes(1)
    ([1, 10, 100, 1000, 5000], [1])
    """
    powers = [10**power for power in range(len(str(num_samples))) if 10**power < num_samples]
    return [*powers, num_samples]
