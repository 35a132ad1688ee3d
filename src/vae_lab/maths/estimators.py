"""Gradient estimators: tensors that have the value of a bound, but another gradient than that value.

The gradient of a bound here is sum_i a_i d log w_i, with weights a_i that depend on the samples. The estimators weight
the samples differently for q than for p(x, z). For that they need log p(x, z) twice: along the path of z and at fixed
z. The second pass through the decoder costs time, but needs neither a gradient hook, which `torch.compile` cannot take
into one graph, nor a second optimizer.
"""

from torch import Tensor

from vae_lab.maths import bounds


def with_gradient_of(value: Tensor, surrogate: Tensor) -> Tensor:
    """Return `value`, with the gradient of `surrogate` in place of its own."""
    return value.detach() + (surrogate - surrogate.detach())


def surrogate_with_weights(log_w: Tensor, log_joint: Tensor, path_weights: Tensor, joint_weights: Tensor) -> Tensor:
    """Return a surrogate whose gradient weights the samples differently for p(x, z) than for q.

    sum_i b_i log w_i + (a_i - b_i) log p(x, z_i),  z_i fixed in the second term

    Its gradient is sum_i a_i d log p(x, z_i) for the parameters of p. For those of q, which the second term does not
    depend on, it is sum_i b_i d log w_i.

    Args:
        log_w: log-weights, of shape (K, B).
        log_joint: log p(x, z) at the same z, held fixed, of shape (K, B).
        path_weights: b, of shape (K, B).
        joint_weights: a, of shape (K, B).

    Returns:
        The surrogate, of shape (B,); only its gradient is meaningful.
    """
    b, a = path_weights.detach(), joint_weights.detach()
    return (b * log_w + (a - b) * log_joint).sum(0)


def doubly_reparameterized(log_w: Tensor, log_joint: Tensor) -> Tensor:
    """Return the importance-weighted bound, with the doubly reparameterised gradient (DReG) for q.

    for q: sum_i u_i^2 dlog w_i/dz_i dz_i,  for p: sum_i u_i dlog p(x, z_i),  u = w / sum w

    It has no score-function term, and in expectation it is the gradient of the bound. Tucker et al. 2019,
    https://arxiv.org/abs/1810.04152.

    Args:
        log_w: log-weights whose log q is differentiable through z alone, of shape (K, B).
        log_joint: log p(x, z) at the same z, held fixed, of shape (K, B).

    Returns:
        The bound in nats, of shape (B,).
    """
    normalised = log_w.detach().softmax(0)  # (K, B)
    surrogate = surrogate_with_weights(log_w, log_joint, normalised.square(), normalised)
    return with_gradient_of(bounds.importance_weighted(log_w), surrogate)


def partially_importance_weighted(log_w: Tensor, log_joint: Tensor, num_outer: int) -> Tensor:
    """Return the importance-weighted bound of M K samples, with the gradient of PIWAE.

    value: log 1/(MK) sum_{m,k} w_{m,k}, whose gradient p(x, z) gets
    gradient for q: that of 1/M sum_m log 1/K sum_k w_{m,k}

    More samples make the bound tighter, which is good for p, but lower the signal-to-noise ratio of the gradient for
    q: Rainforth et al. 2018 (PIWAE), https://arxiv.org/abs/1802.04537.

    Args:
        log_w: log-weights, of shape (M K, B).
        log_joint: log p(x, z) at the same z, held fixed, of shape (M K, B).
        num_outer: M, a divisor of the number of samples.

    Returns:
        The bound in nats, of shape (B,).
    """
    fixed = log_w.detach()
    inner = fixed.unflatten(0, (num_outer, -1)).softmax(1).flatten(0, 1) / num_outer  # (M K, B)
    surrogate = surrogate_with_weights(log_w, log_joint, inner, fixed.softmax(0))
    return with_gradient_of(bounds.importance_weighted(log_w), surrogate)
