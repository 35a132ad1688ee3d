"""Lower bounds on the log-likelihood log p(x), in nats per image."""

import math

from torch import Tensor


def elbo(log_px: Tensor, kl: Tensor) -> Tensor:
    """The evidence lower bound, estimated with K samples z ~ q(z | x).

    ELBO = E_q[log p(x | z)] - KL(q(z | x) || p(z)) <= log p(x)

    Kingma & Welling 2014, equation 3 (estimator B where `kl` is a closed form, estimator A where it is
    log q - log p at the samples), https://arxiv.org/abs/1312.6114.

    Args:
        log_px: log p(x | z), of shape (K, B).
        kl: the divergence from the prior, of shape (K, B).

    Returns:
        The bound in nats, of shape (B,).
    """
    return (log_px - kl).mean(0)


def importance_weighted(log_w: Tensor) -> Tensor:
    """The importance-weighted bound of K samples z_k ~ q(z | x).

    L_K = log 1/K sum_k w_k <= log p(x),  w_k = p(x, z_k) / q(z_k | x)

    In expectation it never falls as K grows, and at K = 1 it is the ELBO: Burda et al. 2016, theorem 1,
    https://arxiv.org/abs/1509.00519.

    Args:
        log_w: log-weights, of shape (K, B).

    Returns:
        The bound in nats, of shape (B,).
    """
    return log_w.logsumexp(0) - math.log(log_w.shape[0])
