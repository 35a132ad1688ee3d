"""Gradient estimators: tensors with the value of a bound, and a gradient that is not that of their value.

Every bound here has the gradient sum_i a_i d log w_i, with weights a_i that depend on the samples. What q and what
p(x, z) learn from a sample may be weighed differently: that takes log p(x, z) twice, once along the path of z and
once at fixed z. The second pass through the decoder is the price for needing neither a hook on a gradient, which
`torch.compile` has no room for in one graph, nor a second optimizer.
"""

from torch import Tensor

from vae_lab.maths import bounds


def with_gradient_of(value: Tensor, surrogate: Tensor) -> Tensor:
    """`value`, with the gradient of `surrogate` in place of its own."""
    return value.detach() + (surrogate - surrogate.detach())


def surrogate_with_weights(log_w: Tensor, log_joint: Tensor, path_weights: Tensor, joint_weights: Tensor) -> Tensor:
    """A sum over samples that p(x, z) sees under other weights than q does.

    sum_i b_i log w_i + (a_i - b_i) log p(x, z_i),  z_i fixed in the second term

    Its gradient is sum_i a_i d log p(x, z_i) for the parameters of p, and sum_i b_i d log w_i for those of q, which
    the second term does not know.

    Args:
        log_w: log-weights, of shape (K, B).
        log_joint: log p(x, z) at the same z, detached, of shape (K, B).
        path_weights: b, of shape (K, B).
        joint_weights: a, of shape (K, B).

    Returns:
        The sum, of shape (B,).
    """
    b, a = path_weights.detach(), joint_weights.detach()
    return (b * log_w + (a - b) * log_joint).sum(0)


def doubly_reparameterized(log_w: Tensor, log_joint: Tensor) -> Tensor:
    """The importance-weighted bound, whose gradient for q has no score function left in it.

    for q: sum_i u_i^2 dlog w_i/dz_i dz_i,  for p: sum_i u_i dlog p(x, z_i),  u = w / sum w

    The mean gradient is that of the bound. Tucker et al. 2019, https://arxiv.org/abs/1810.04152.

    Args:
        log_w: log-weights whose log q is differentiable through z alone, of shape (K, B).
        log_joint: log p(x, z) at the same z, detached, of shape (K, B).

    Returns:
        The bound in nats, of shape (B,).
    """
    normalised = log_w.detach().softmax(0)  # (K, B)
    surrogate = surrogate_with_weights(log_w, log_joint, normalised.square(), normalised)
    return with_gradient_of(bounds.importance_weighted(log_w), surrogate)


def partially_importance_weighted(log_w: Tensor, log_joint: Tensor, num_outer: int) -> Tensor:
    """The importance-weighted bound of M K samples for p(x, z), and the mean of M bounds of K samples each for q.

    The value is the former. More samples sharpen the bound, which is good for p, but drown what q could learn in
    noise: Rainforth et al. 2018 (PIWAE), https://arxiv.org/abs/1802.04537.

    Args:
        log_w: log-weights, of shape (M K, B).
        log_joint: log p(x, z) at the same z, detached, of shape (M K, B).
        num_outer: M, which divides the number of samples.

    Returns:
        The bound in nats, of shape (B,).
    """
    fixed = log_w.detach()
    inner = fixed.unflatten(0, (num_outer, -1)).softmax(1).flatten(0, 1) / num_outer  # (M K, B)
    surrogate = surrogate_with_weights(log_w, log_joint, inner, fixed.softmax(0))
    return with_gradient_of(bounds.importance_weighted(log_w), surrogate)
