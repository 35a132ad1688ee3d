"""The mean over seeds, with its confidence interval."""

import math
from collections.abc import Sequence
from statistics import fmean, stdev
from typing import NamedTuple

from scipy.stats import t

TOO_LARGE = 1e100  # its square, and sums of it, are finite; metrics are nowhere near, unless a run diverged


class Interval(NamedTuple):
    """A mean with its confidence interval.

    Attributes:
        mean: the mean.
        half_width: the half-width of the interval, or None for a single value.
        lowest: the lowest value that there is; the interval ends there.
    """

    mean: float
    half_width: float | None
    lowest: float = -math.inf

    @property
    def above(self) -> float:
        """The distance from the mean to the upper end, 0 for a single value."""
        return self.half_width or 0.0

    @property
    def below(self) -> float:
        """The distance from the mean to the lower end, 0 for a single value."""
        return max(0.0, min(self.above, self.mean - self.lowest))


def interval(values: Sequence[float], confidence: float = 0.95) -> Interval:
    """Return the mean of independent values, and the half-width of its confidence interval for normal deviations.

    mean +- t s / sqrt(n), with s the standard deviation (n - 1 in its denominator) and t the quantile of Student's t
    distribution with n - 1 degrees of freedom. "Student" 1908, https://doi.org/10.2307/2331554.

    Args:
        values: one value for each seed, at least one.
        confidence: the probability that such an interval contains the true mean.

    Returns:
        The interval; of several values of which one is not finite, or enormous, it is not a number.

    >>> interval([1.0, 2.0, 3.0])
    Interval(mean=2.0, half_width=2.4841377117..., lowest=-inf)
    >>> interval([1.0])
    Interval(mean=1.0, half_width=None, lowest=-inf)
    """
    if len(values) < 2:
        return Interval(fmean(values), None)
    if not all(abs(value) < TOO_LARGE for value in values):
        return Interval(math.nan, None)
    quantile = float(t.ppf((1 + confidence) / 2, len(values) - 1))
    return Interval(fmean(values), quantile * stdev(values) / math.sqrt(len(values)))
