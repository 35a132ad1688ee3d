"""Score-function estimators: gradients for q at fixed samples, without gradients through the samples.

    grad E_q[f(z)] = E_q[(f(z) - b) grad log q(z | x)],  for any b that does not depend on z

They apply to discrete z as well. Their variance is high; a baseline b close to f reduces it: Williams 1992,
https://doi.org/10.1007/BF00992696. Here f = log w, and p(x, z) gets the gradient of log p(x, z) at the same samples.

Every log q here is at fixed z and differentiable in the parameters of q. Samples are independent along K.
"""

import math

import torch
from torch import Tensor

from vae_lab.maths import bounds
from vae_lab.maths.estimators import with_gradient_of


def elbo(log_joint: Tensor, log_q: Tensor, baseline: Tensor) -> Tensor:
    """Return the evidence lower bound, with the score-function gradient for q.

    for q: 1/K sum_k (log w_k - b_k) d log q(z_k | x),  for p: 1/K sum_k d log p(x, z_k)

    In expectation it is the gradient of the bound: the term -d log q(z | x) of d log w has mean zero and is left out.
    Mnih & Gregor 2014, section 2, https://arxiv.org/abs/1402.0030.

    Args:
        log_joint: log p(x, z_k), of shape (K, B).
        log_q: log q(z_k | x), of shape (K, B).
        baseline: b, of a shape that broadcasts to (K, B); b_k must not depend on z_k.

    Returns:
        The bound in nats, of shape (B,).
    """
    log_w = log_joint - log_q
    advantage = log_w.detach() - baseline.detach()
    return with_gradient_of(bounds.monte_carlo_elbo(log_w), (advantage * log_q + log_joint).mean(0))


def mean_of_others(log_w: Tensor) -> Tensor:
    """Return, for each sample, the mean log-weight of the others: a baseline without parameters.

    b_k = 1/(K - 1) sum_{j != k} log w_j

    Mnih & Rezende 2016, https://arxiv.org/abs/1602.06725.

    Args:
        log_w: log-weights of K >= 2 samples, of shape (K, B).

    Returns:
        The baselines, of shape (K, B).
    """
    return (log_w.sum(0) - log_w) / (log_w.shape[0] - 1)


def bound_without_each(log_w: Tensor) -> Tensor:
    """Return, for each sample, the bound with its weight replaced by the geometric mean of the others.

    b_k = log 1/K (sum_{j != k} w_j + exp(1/(K - 1) sum_{j != k} log w_j))

    Mnih & Rezende 2016, https://arxiv.org/abs/1602.06725.

    Args:
        log_w: log-weights of K >= 2 samples, of shape (K, B).

    Returns:
        The bounds, of shape (K, B).
    """
    num_samples = log_w.shape[0]
    replaced = torch.eye(num_samples, dtype=torch.bool, device=log_w.device).unsqueeze(-1)  # (K, K, 1)
    log_w_without = torch.where(replaced, mean_of_others(log_w).unsqueeze(1), log_w)  # (K, K, B), replaced k first
    return log_w_without.logsumexp(1) - math.log(num_samples)


def vimco(log_joint: Tensor, log_q: Tensor) -> Tensor:
    """Return the importance-weighted bound, with the gradient of VIMCO.

    for q: sum_k (L_K - b_k) d log q(z_k | x) - u_k d log q(z_k | x),  for p: sum_k u_k d log p(x, z_k),  u = w / sum w

    The baseline b_k is `bound_without_each`, so that the learning signal of a sample is what it adds to the bound. In
    expectation it is the gradient of the bound: Mnih & Rezende 2016, https://arxiv.org/abs/1602.06725.

    Args:
        log_joint: log p(x, z_k) of K >= 2 samples, of shape (K, B).
        log_q: log q(z_k | x), of shape (K, B).

    Returns:
        The bound in nats, of shape (B,).
    """
    log_w = log_joint - log_q
    bound = bounds.importance_weighted(log_w)
    advantage = bound.detach() - bound_without_each(log_w.detach())
    return with_gradient_of(bound, (advantage * log_q).sum(0) + bound)
