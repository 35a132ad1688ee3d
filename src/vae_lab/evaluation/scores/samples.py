"""Distances between the distributions of samples and of real images, given their features: (N, D), in float64."""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

NUM_BLOCKS = 10
NUM_NEIGHBOURS = 3
ROWS_AT_ONCE = 1000  # of a matrix of distances


def frechet_distance(features: Tensor, real: Tensor) -> float:
    r"""Return the squared Frechet distance of two normal distributions with the means and covariances of the features.

        |m_1 - m_2|^2 + tr(S_1 + S_2 - 2 (S_1 S_2)^(1/2))

    Dowson & Landau 1982, https://doi.org/10.1016/0047-259X(82)90077-X; with the features of Inception it is the FID of
    Heusel et al. 2017, https://arxiv.org/abs/1706.08500. The trace of the root is the sum of the roots of the
    eigenvalues of S_1^(1/2) S_2 S_1^(1/2), which is symmetric.

    Args:
        features: of shape (N, D).
        real: of shape (M, D).
    """
    difference = features.mean(0) - real.mean(0)
    first, second = features.T.cov(), real.T.cov()
    values, vectors = torch.linalg.eigh(first)
    root = vectors * values.clamp(min=0).sqrt() @ vectors.T
    shared = torch.linalg.eigvalsh(root @ second @ root).clamp(min=0).sqrt().sum()
    return (difference.square().sum() + first.trace() + second.trace() - 2 * shared).item()


class KernelDistance(NamedTuple):
    """An unbiased estimate of a squared maximum mean discrepancy.

    Attributes:
        value: the estimate.
        standard_error: its standard error.
    """

    value: float
    standard_error: float


def kernel_distance(features: Tensor, real: Tensor) -> KernelDistance:
    r"""Return an unbiased, possibly negative estimate of the squared MMD with the kernel k(x, y) = (x y / D + 1)^3.

        1/(n(n-1)) sum_{i != j} [k(x_i, x_j) + k(y_i, y_j)] - 2/n^2 sum_{i, j} k(x_i, y_j)

    Gretton et al. 2012, lemma 6, https://jmlr.org/papers/v13/gretton12a.html; with the features of Inception it is the
    KID of Binkowski et al. 2018, https://arxiv.org/abs/1801.01401. The value is the mean of the estimates of
    `NUM_BLOCKS` disjoint blocks, whose spread gives its standard error (Zaremba et al. 2013,
    https://arxiv.org/abs/1307.1954).

    Args:
        features: of shape (N, D).
        real: of shape (M, D); of the larger set only the first min(N, M) are used.
    """
    size = min(len(features), len(real)) // NUM_BLOCKS
    estimates = torch.stack(
        [
            mean_discrepancy(x, y)
            for x, y in zip(
                features[: size * NUM_BLOCKS].split(size), real[: size * NUM_BLOCKS].split(size), strict=True
            )
        ]
    )
    return KernelDistance(estimates.mean().item(), (estimates.std() / NUM_BLOCKS**0.5).item())


def mean_discrepancy(x: Tensor, y: Tensor) -> Tensor:
    """Return the unbiased estimate of the squared MMD, from two sets of features of shape (n, D) each."""
    n, num_dims = x.shape

    def kernel(a: Tensor, b: Tensor) -> Tensor:
        return (a @ b.T / num_dims + 1) ** 3

    within = sum((k := kernel(a, a)).sum() - k.trace() for a in (x, y))
    return within / (n * (n - 1)) - 2 * kernel(x, y).mean()


class PrecisionRecall(NamedTuple):
    """The shares of features that lie among those of the other set.

    Attributes:
        precision: the share of the samples' features that lie among the real ones.
        recall: the share of the real features that lie among the samples'.
    """

    precision: float
    recall: float


def precision_recall(features: Tensor, real: Tensor, num_neighbours: int = NUM_NEIGHBOURS) -> PrecisionRecall:
    """Return the share of features among the real ones, and the share of real ones among the features.

    A point lies among others if it is in the ball around one of them that reaches to that one's k-th neighbour:
    Kynkaanniemi et al. 2019, equations 1 to 3, https://arxiv.org/abs/1904.06991.

    Args:
        features: of shape (N, D).
        real: of shape (M, D).
        num_neighbours: k.
    """
    return PrecisionRecall(share_among(features, real, num_neighbours), share_among(real, features, num_neighbours))


def share_among(points: Tensor, others: Tensor, num_neighbours: int) -> float:
    """Return the share of points that lie in a ball around one of the others."""
    # k + 1, because the nearest point is the point itself.
    radii = torch.cat(
        [part.topk(num_neighbours + 1, dim=1, largest=False).values[:, -1] for part in distances(others, others)]
    )
    inside = [(part <= radii).any(1) for part in distances(points, others)]
    return torch.cat(inside).double().mean().item()


def distances(points: Tensor, others: Tensor) -> Iterator[Tensor]:
    """Yield the distances of points from all the others, some rows at a time."""
    for part in points.split(ROWS_AT_ONCE):
        yield torch.cdist(part, others)
