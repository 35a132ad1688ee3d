"""Measure how well a score separates two kinds of images."""

from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]


class AUROC(NamedTuple):
    """The area under a receiver operating characteristic.

    Attributes:
        value: the area.
        standard_error: its standard error.
    """

    value: float
    standard_error: float


def auroc(scores: Array, others: Array) -> AUROC:
    r"""Return the probability that a score of the first kind is above one of the second, ties counting one half.

        theta = 1/(m n) sum_i sum_j [x_i > y_j] + 1/2 [x_i = y_j]

    It is the area under the receiver operating characteristic: 1 if the first kind always scores higher, 1/2 if the
    score does not separate the two. Its standard error is that of DeLong et al. 1988,
    https://doi.org/10.2307/2531595: with v_i the share of the second kind below x_i, and w_j the share of the first
    kind above y_j, the variance of theta is Var(v) / m + Var(w) / n.

    Args:
        scores: the scores of the first kind, of shape (m,).
        others: the scores of the second kind, of shape (n,).

    >>> auroc(np.array([3.0, 4.0]), np.array([1.0, 2.0]))
    AUROC(value=1.0, standard_error=0.0)
    """
    below = share_below(scores, others)  # (m,)
    above = 1 - share_below(others, scores)  # (n,)
    variance = below.var(ddof=1) / len(scores) + above.var(ddof=1) / len(others)
    return AUROC(float(below.mean()), float(variance**0.5))


def share_below(values: Array, others: Array) -> Array:
    """Return for each value the share of the others that are below it; equal ones count one half."""
    ordered = np.sort(others)
    counts = np.searchsorted(ordered, values, "left") + np.searchsorted(ordered, values, "right")
    return counts / (2 * len(others))
