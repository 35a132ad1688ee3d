"""Divergences of samples and batches: what regularises the aggregate posterior q(z) = E_data[q(z | x)]."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

# A kernel as a function of squared distances and a bandwidth C, in units of squared distance.
Kernel = Callable[[Tensor, float], Tensor]


def rbf(squared: Tensor, bandwidth: float) -> Tensor:
    """The Gaussian kernel exp(-d^2 / C)."""
    return (-squared / bandwidth).exp()


def inverse_multiquadric(squared: Tensor, bandwidth: float) -> Tensor:
    """The kernel C / (C + d^2), whose tails still pull from afar.

    Tolstikhin et al. 2018, section 4, https://arxiv.org/abs/1711.01558.
    """
    return bandwidth / (bandwidth + squared)


def squared_distances(x: Tensor, y: Tensor) -> Tensor:
    """Between all rows, (N, D) and (M, D): (N, M). Not by a matrix product, which would cancel for near rows."""
    return torch.cdist(x, y, compute_mode="donot_use_mm_for_euclid_dist").square()


def mmd(x: Tensor, y: Tensor, kernel: Kernel, bandwidth: float) -> Tensor:
    r"""The squared maximum mean discrepancy of two laws, estimated without bias from their samples.

    MMD^2 = E k(x, x') + E k(y, y') - 2 E k(x, y)

    A mean over pairs of different samples (a U-statistic), so it may fall below zero: Gretton et al. 2012, lemma 6,
    https://jmlr.org/papers/v13/gretton12a.html.

    Args:
        x: independent samples of one law, of shape (N, D), N > 1.
        y: independent samples of the other, of shape (M, D), M > 1.
        kernel: `rbf` or `inverse_multiquadric`.
        bandwidth: C.

    Returns:
        The estimate, of shape ().

    Raises:
        ValueError: where a law has a single sample, which makes no pair.
    """
    if min(len(x), len(y)) < 2:
        raise ValueError(
            f"the MMD needs at least two samples of each law, not {len(x)} and {len(y)}; use larger batches"
        )

    return (
        mean_over_pairs(x, kernel, bandwidth)
        + mean_over_pairs(y, kernel, bandwidth)
        - 2 * kernel(squared_distances(x, y), bandwidth).mean()
    )


def mean_over_pairs(x: Tensor, kernel: Kernel, bandwidth: float) -> Tensor:
    """The mean of k(x, x') over all pairs of different samples (N, D): of shape ()."""
    k = kernel(squared_distances(x, x), bandwidth)  # (N, N)
    return (k.sum() - k.diagonal().sum()) / (len(x) * (len(x) - 1))


def kernel_score(x: Tensor, y: Tensor, kernel: Kernel, bandwidth: float) -> Tensor:
    """How well a law stands for each observation, estimated without bias from its samples; lower is better.

    S(x) = E k(y, y') - 2 E k(x, y)

    Its mean over observations is MMD^2 - E k(x, x'): a proper score, Gneiting & Raftery 2007, section 5,
    https://doi.org/10.1198/016214506000001437.

    Args:
        x: observations, of shape (N, D).
        y: independent samples of the law, of shape (M, D), M > 1.
        kernel: `rbf` or `inverse_multiquadric`.
        bandwidth: C.

    Returns:
        The scores, of shape (N,).
    """
    return mean_over_pairs(y, kernel, bandwidth) - 2 * kernel(squared_distances(x, y), bandwidth).mean(1)


def sliced_wasserstein(x: Tensor, y: Tensor, directions: Tensor) -> Tensor:
    """The squared sliced 2-Wasserstein distance of two sets of samples.

    SW^2 = E_u[W_2^2(u'x, u'y)],  W_2^2 on a line = mean_i (x_(i) - y_(i))^2 over the sorted samples

    Kolouri et al. 2019, equation 11, https://arxiv.org/abs/1804.01947.

    Args:
        x: samples of one law, of shape (N, D).
        y: as many of the other, of shape (N, D).
        directions: unit vectors u, of shape (P, D).

    Returns:
        The distance in squared units of z, of shape ().
    """
    projected_x, projected_y = (directions @ samples.T for samples in (x, y))  # (P, N) each
    return (projected_x.sort(-1).values - projected_y.sort(-1).values).square().mean()


def weighted_log_weights(batch: int, num_images: int, like: Tensor) -> Tensor:
    """The log-weights of minibatch weighted sampling, (B, B), of the device and precision of `like`.

    q(z_i) ~ sum_j w_ij q(z_i | x_j),  w_ij = 1 / (N B)

    A lower bound in expectation of the logarithm, off by about log N where the batch covers q(z): the same for every
    parameter, so it does not touch the gradient. Chen et al. 2018, equation 5 and appendix C.1,
    https://arxiv.org/abs/1802.04942.
    """
    return torch.full((batch, batch), -math.log(num_images * batch), dtype=like.dtype, device=like.device)


def stratified_log_weights(batch: int, num_images: int, like: Tensor) -> Tensor:
    """The log-weights of minibatch stratified sampling, (B, B), of the device and precision of `like`.

    q(z_i) ~ sum_j w_ij q(z_i | x_j),  w_ii = 1 / N,  w_ij = (N - 1) / (N (B - 1))

    Each row sums to one, and the estimate of q(z_i) has no bias: the image that z_i came from is one of N, and the
    others of the batch stand for the other N - 1. Chen et al. 2018, appendix C.2, https://arxiv.org/abs/1802.04942,
    give one of the others a weight of its own; averaged over which one it is, these are their weights.
    """
    others = torch.full((batch, batch), (num_images - 1) / (num_images * max(batch - 1, 1)), dtype=like.dtype)
    return others.fill_diagonal_(1 / num_images).log().to(like.device)


def aggregate_log_density(log_q: Tensor, log_weights: Tensor) -> tuple[Tensor, Tensor]:
    """The aggregate posterior, and the product of its marginals, estimated from a batch.

    log q(z_i) ~ log sum_j w_ij prod_d q(z_id | x_j),  log prod_d q(z_id) ~ sum_d log sum_j w_ij q(z_id | x_j)

    Their difference has the total correlation for its mean: Chen et al. 2018, section 3,
    https://arxiv.org/abs/1802.04942.

    Args:
        log_q: log q(z_id | x_j) of each sample under each posterior, of shape (*samples, B, B, D), i before j.
        log_weights: log w_ij, of shape (B, B).

    Returns:
        Both log-densities in nats, of shape (*samples, B) each.
    """
    joint = (log_q.sum(-1) + log_weights).logsumexp(-1)
    marginals = (log_q + log_weights.unsqueeze(-1)).logsumexp(-2).sum(-1)
    return joint, marginals


def covariance(x: Tensor) -> Tensor:
    """The covariance of the rows of a batch, (B, D): (D, D), as a mean over the batch."""
    centred = x - x.mean(0)
    return centred.T @ centred / len(x)


def dip_penalties(covariance: Tensor) -> tuple[Tensor, Tensor]:
    """How far a covariance is from the identity, off its diagonal and on it.

    sum_{i != j} C_ij^2,  sum_i (C_ii - 1)^2

    Kumar et al. 2018, equations 6 and 7, https://arxiv.org/abs/1711.00848.

    Args:
        covariance: C, of shape (D, D).
    """
    variances = covariance.diagonal()
    correlated = covariance - torch.diag(variances)
    return correlated.square().sum(), (variances - 1).square().sum()
