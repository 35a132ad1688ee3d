"""Divergences estimated from samples: regularisers of the aggregate posterior q(z) = E_data[q(z | x)]."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from vae_lab.distributions.pushforward import without_autocast

# A kernel as a function of squared distances and a bandwidth C, in units of squared distance.
Kernel = Callable[[Tensor, float], Tensor]


def rbf(squared: Tensor, bandwidth: float) -> Tensor:
    """Return the Gaussian kernel exp(-d^2 / C) at squared distances d^2, for the bandwidth C."""
    return (-squared / bandwidth).exp()


def inverse_multiquadric(squared: Tensor, bandwidth: float) -> Tensor:
    """Return the inverse multiquadric kernel C / (C + d^2), whose heavy tails keep a gradient at large distances.

    Tolstikhin et al. 2018, section 4, https://arxiv.org/abs/1711.01558.
    """
    return bandwidth / (bandwidth + squared)


def squared_distances(x: Tensor, y: Tensor) -> Tensor:
    """Return the squared distances between all rows of (N, D) and of (M, D), of shape (N, M).

    They are not computed by a matrix product, which loses precision by cancellation for rows that are close.
    """
    with without_autocast(x):
        return torch.cdist(x, y, compute_mode="donot_use_mm_for_euclid_dist").square()


def mmd(x: Tensor, y: Tensor, kernel: Kernel, bandwidth: float) -> Tensor:
    r"""Return an unbiased estimate of the squared maximum mean discrepancy (MMD) of two distributions.

    MMD^2 = E k(x, x') + E k(y, y') - 2 E k(x, y)

    A mean over pairs of different samples (a U-statistic), which may be negative: Gretton et al. 2012, lemma 6,
    https://jmlr.org/papers/v13/gretton12a.html.

    Args:
        x: independent samples of one distribution, of shape (N, D), N > 1.
        y: independent samples of the other, of shape (M, D), M > 1.
        kernel: `rbf` or `inverse_multiquadric`.
        bandwidth: C, in units of squared distance.

    Returns:
        The estimate, of shape ().

    Raises:
        ValueError: if a distribution has fewer than two samples.
    """
    if min(len(x), len(y)) < 2:
        raise ValueError(
            f"the MMD needs at least two samples of each distribution, got {len(x)} and {len(y)}; use larger batches"
        )

    return (
        mean_over_pairs(x, kernel, bandwidth)
        + mean_over_pairs(y, kernel, bandwidth)
        - 2 * kernel(squared_distances(x, y), bandwidth).mean()
    )


def mean_over_pairs(x: Tensor, kernel: Kernel, bandwidth: float) -> Tensor:
    """Return the mean of k(x, x') over all pairs of different samples (N, D), of shape ()."""
    k = kernel(squared_distances(x, x), bandwidth)  # (N, N)
    return (k.sum() - k.diagonal().sum()) / (len(x) * (len(x) - 1))


def kernel_score(x: Tensor, y: Tensor, kernel: Kernel, bandwidth: float) -> Tensor:
    """Return an unbiased estimate of the kernel score of a distribution at each observation; lower is better.

    S(x) = E k(y, y') - 2 E k(x, y)

    Its mean over observations is MMD^2 - E k(x, x'): a proper score, Gneiting & Raftery 2007, section 5,
    https://doi.org/10.1198/016214506000001437.

    Args:
        x: observations, of shape (N, D).
        y: independent samples of the distribution, of shape (M, D), M > 1.
        kernel: `rbf` or `inverse_multiquadric`.
        bandwidth: C, in units of squared distance.

    Returns:
        The scores, of shape (N,).
    """
    return mean_over_pairs(y, kernel, bandwidth) - 2 * kernel(squared_distances(x, y), bandwidth).mean(1)


def sliced_wasserstein(x: Tensor, y: Tensor, directions: Tensor) -> Tensor:
    """Return the squared sliced 2-Wasserstein distance of two sets of samples.

    SW^2 = E_u[W_2^2(u'x, u'y)],  W_2^2 on a line = mean_i (x_(i) - y_(i))^2 over the sorted samples

    Kolouri et al. 2019, equation 11, https://arxiv.org/abs/1804.01947.

    Args:
        x: samples of one distribution, of shape (N, D).
        y: samples of the other, of the same number, of shape (N, D).
        directions: unit vectors u, of shape (P, D).

    Returns:
        The distance in squared units of z, of shape ().
    """
    with without_autocast(x):  # in half precision many projections would be equal
        projected_x, projected_y = (directions @ samples.T for samples in (x, y))  # (P, N) each
    return (projected_x.sort(-1).values - projected_y.sort(-1).values).square().mean()


def weighted_log_weights(batch: int, num_images: int, like: Tensor) -> Tensor:
    """Return the log-weights of minibatch weighted sampling.

    q(z_i) ~ sum_j w_ij q(z_i | x_j),  w_ij = 1 / B

    Each row sums to one. Chen et al. 2018, equation 5 and appendix C.1, https://arxiv.org/abs/1802.04942, divide by N
    as well. That is a constant without a gradient, which would shift the mutual information by log N, the total
    correlation by (D - 1) log N and the dimension-wise KL by -D log N, for D units.

    Args:
        batch: B, the images in the batch.
        num_images: N, the images in the training set, which make no difference here.
        like: a tensor that has the device and the dtype of the result.

    Returns:
        log w_ij, of shape (B, B).
    """
    return torch.full((batch, batch), -math.log(batch), dtype=like.dtype, device=like.device)


def stratified_log_weights(batch: int, num_images: int, like: Tensor) -> Tensor:
    """Return the log-weights of minibatch stratified sampling.

    q(z_i) ~ sum_j w_ij q(z_i | x_j),  w_ii = 1 / N,  w_ij = (N - 1) / (N (B - 1))

    Each row sums to one, and the estimate of q(z_i) is unbiased: the image that z_i came from is one of N, and the
    others of the batch represent the other N - 1. Chen et al. 2018, appendix C.2, https://arxiv.org/abs/1802.04942,
    give one of the others a weight of its own; averaged over the choice of that image, these are their weights.

    Args:
        batch: B, the images in the batch.
        num_images: N, the images in the training set.
        like: a tensor that has the device and the dtype of the result.

    Returns:
        log w_ij, of shape (B, B).
    """
    others = torch.full((batch, batch), (num_images - 1) / (num_images * max(batch - 1, 1)), dtype=like.dtype)
    return others.fill_diagonal_(1 / num_images).log().to(like.device)


def aggregate_log_density(log_q: Tensor, log_weights: Tensor) -> tuple[Tensor, Tensor]:
    """Estimate the aggregate posterior, and the product of its marginals, from a batch.

    log q(z_i) ~ log sum_j w_ij prod_d q(z_id | x_j),  log prod_d q(z_id) ~ sum_d log sum_j w_ij q(z_id | x_j)

    The mean of their difference is the total correlation: Chen et al. 2018, section 3,
    https://arxiv.org/abs/1802.04942.

    Args:
        log_q: log q(z_id | x_j) of each sample i under each posterior j, of shape (*samples, I, B, D).
        log_weights: log w_ij, of shape (I, B).

    Returns:
        log q(z_i) and log prod_d q(z_id) in nats, of shape (*samples, I) each.
    """
    joint = (log_q.sum(-1) + log_weights).logsumexp(-1)
    marginals = (log_q + log_weights.unsqueeze(-1)).logsumexp(-2).sum(-1)
    return joint, marginals


def covariance(x: Tensor) -> Tensor:
    """Return the covariance of the rows of a batch (B, D), with the divisor B: of shape (D, D)."""
    with without_autocast(x):  # a product in half precision would round what is compared with the identity
        centred = x - x.mean(0)
        return centred.T @ centred / len(x)


def dip_penalties(covariance: Tensor) -> tuple[Tensor, Tensor]:
    """Return the penalties of the DIP-VAE: how far a covariance is from the identity, off and on its diagonal.

    sum_{i != j} C_ij^2,  sum_i (C_ii - 1)^2

    Kumar et al. 2018, equations 6 and 7, https://arxiv.org/abs/1711.00848.

    Args:
        covariance: C, of shape (D, D).

    Returns:
        The off-diagonal and the diagonal penalty, of shape () each.
    """
    variances = covariance.diagonal()
    correlated = covariance - torch.diag(variances)
    return correlated.square().sum(), (variances - 1).square().sum()
