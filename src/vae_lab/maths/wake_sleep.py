"""Losses of wake-sleep: p(x, z) learns from samples of q, and q from samples of p(x, z) or its own, reweighted.

The two losses have separate gradients, and are minimised alternately or, as here, together: p does not adapt to make q
fit better, nor q to raise the bound. All samples are held fixed.
"""

from torch import Tensor

from vae_lab.maths import bounds
from vae_lab.maths.estimators import with_gradient_of


def wake(log_joint: Tensor, log_q: Tensor) -> Tensor:
    """Return the evidence lower bound, with a gradient for p alone: the wake phase.

    for p: 1/K sum_k d log p(x, z_k),  for q: none

    Hinton et al. 1995, https://doi.org/10.1126/science.7761831.

    Args:
        log_joint: log p(x, z_k) at samples of q, of shape (K, B).
        log_q: log q(z_k | x), of shape (K, B).

    Returns:
        The bound in nats, of shape (B,).
    """
    return with_gradient_of(bounds.monte_carlo_elbo(log_joint - log_q), log_joint.mean(0))


def reweighted_wake(log_joint: Tensor, log_q: Tensor) -> Tensor:
    """Return the importance-weighted bound, with its gradient for p alone: the wake phase with several samples.

    for p: sum_k u_k d log p(x, z_k),  u = w / sum w,  for q: none

    Bornschein & Bengio 2015, https://arxiv.org/abs/1406.2751.

    Args:
        log_joint: log p(x, z_k) at samples of q, of shape (K, B).
        log_q: log q(z_k | x), of shape (K, B).

    Returns:
        The bound in nats, of shape (B,).
    """
    log_w = log_joint - log_q
    surrogate = (log_w.detach().softmax(0) * log_joint).sum(0)
    return with_gradient_of(bounds.importance_weighted(log_w), surrogate)


def reweighted_cross_entropy(log_joint: Tensor, log_q: Tensor) -> Tensor:
    """Return the cross-entropy of q under the posterior, by its own samples, reweighted: the wake phase of q.

    -sum_k u_k log q(z_k | x), close to -E_p(z|x)[log q(z | x)],  u = w / sum w

    Minimising it minimises KL(p(z | x) || q(z | x)). With finitely many samples it is biased; with a single sample its
    mean gradient is zero. Bornschein & Bengio 2015, https://arxiv.org/abs/1406.2751.

    Args:
        log_joint: log p(x, z_k) at samples of q, of shape (K, B).
        log_q: log q(z_k | x), of shape (K, B).

    Returns:
        The cross-entropy in nats, of shape (B,), with a gradient for q alone.
    """
    weights = (log_joint - log_q).detach().softmax(0)  # (K, B)
    return -(weights * log_q).sum(0)
