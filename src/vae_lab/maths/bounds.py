"""Lower bounds on the log-likelihood log p(x), in nats per image."""

import math

from torch import Tensor

# How close to 1 the order of a Rényi bound is for its weights to be nearly equal.
NEAR_THE_LIMIT = 1e-3


def elbo(log_px: Tensor, kl: Tensor) -> Tensor:
    """Estimate the evidence lower bound (ELBO) with K samples z ~ q(z | x).

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
    """Return the importance-weighted bound of K samples z_k ~ q(z | x).

    L_K = log 1/K sum_k w_k <= log p(x),  w_k = p(x, z_k) / q(z_k | x)

    Its expectation does not decrease as K grows, and for K = 1 it is the ELBO: Burda et al. 2016, theorem 1,
    https://arxiv.org/abs/1509.00519.

    Args:
        log_w: log-weights, of shape (K, B).

    Returns:
        The bound in nats, of shape (B,).
    """
    return log_w.logsumexp(0) - math.log(log_w.shape[0])


def monte_carlo_elbo(log_w: Tensor) -> Tensor:
    """Estimate the evidence lower bound with L samples z ~ q(z | x), without a closed-form KL.

    ELBO = E_q[log p(x, z) - log q(z | x)]

    Kingma & Welling 2014, equation 6 (estimator A), https://arxiv.org/abs/1312.6114.

    Args:
        log_w: log-weights, of shape (L, B).

    Returns:
        The bound in nats, of shape (B,).
    """
    return log_w.mean(0)


def multiply_importance_weighted(log_w: Tensor, num_outer: int) -> Tensor:
    """Return the mean of M importance-weighted bounds of K samples each.

    L_{M,K} = 1/M sum_m log 1/K sum_k w_{m,k}

    M = 1 gives the importance-weighted bound of K samples, K = 1 the ELBO with M samples: Rainforth et al. 2018,
    https://arxiv.org/abs/1802.04537.

    Args:
        log_w: log-weights, of shape (M K, B).
        num_outer: M, a divisor of the number of samples.

    Returns:
        The bound in nats, of shape (B,).
    """
    log_w = log_w.unflatten(0, (num_outer, -1))  # (M, K, B)
    return (log_w.logsumexp(1) - math.log(log_w.shape[1])).mean(0)


def combined(log_w: Tensor, beta: float) -> Tensor:
    """Return a weighted mean of the ELBO and the importance-weighted bound, on the same K samples.

    beta ELBO + (1 - beta) L_K

    Rainforth et al. 2018 (CIWAE), https://arxiv.org/abs/1802.04537.

    Args:
        log_w: log-weights, of shape (K, B).
        beta: the weight of the ELBO, in [0, 1].

    Returns:
        The bound in nats, of shape (B,).
    """
    return beta * monte_carlo_elbo(log_w) + (1 - beta) * importance_weighted(log_w)


def renyi(log_w: Tensor, alpha: float) -> Tensor:
    """The variational Rényi bound, estimated with K samples z_k ~ q(z | x).

    L_alpha = 1 / (1 - alpha) log 1/K sum_k w_k^(1 - alpha),  w_k = p(x, z_k) / q(z_k | x)

    alpha = 1, by its limit, is the ELBO and alpha = 0 the importance-weighted bound; on the same samples it falls as
    alpha grows. For alpha >= 0 its mean is at most log p(x). For alpha < 0 it is no bound: its mean rises with K from
    the ELBO to a limit above log p(x). Li & Turner 2016, https://arxiv.org/abs/1602.02311.

    Args:
        log_w: log-weights, of shape (K, B).
        alpha: the order of the divergence, any number.

    Returns:
        The estimate in nats, of shape (B,).
    """
    power = 1 - alpha
    if abs(power) > NEAR_THE_LIMIT:
        return ((power * log_w).logsumexp(0) - math.log(log_w.shape[0])) / power
    mean = log_w.mean(0)
    if power == 0:
        return mean
    # Near the limit the difference above would be one of nearly equal numbers, divided by a small one.
    return mean + (power * (log_w - mean)).expm1().mean(0).log1p() / power
