"""What a discriminator learns, and what is learned against it.

A discriminator tells samples of one law, the real ones, from those of another by D = sigmoid(logit). At its optimum
the logit is log p_real - log p_other, so it is an estimate of a density ratio from samples alone: Goodfellow et al.
2014, proposition 1, https://arxiv.org/abs/1406.2661.
"""

import torch
from torch import Tensor
from torch.nn.functional import softplus


def discriminator_loss(real: Tensor, *others: Tensor) -> Tensor:
    """The cross-entropy of a discriminator, which it minimises.

    -E[log D(real)] - sum_i E[log(1 - D(other_i))]

    Goodfellow et al. 2014, equation 1, https://arxiv.org/abs/1406.2661. With one law of others, log 4 where it cannot
    tell them apart.

    Args:
        real: logits of real samples, of shape (N,).
        others: logits of samples of each of the other laws, of shape (M,).

    Returns:
        The loss in nats, of shape ().
    """
    loss = softplus(-real).mean()
    for logits in others:
        loss = loss + softplus(logits).mean()
    return loss


def non_saturating_loss(logits: Tensor) -> Tensor:
    """What samples that should pass for real minimise: -E[log D(other)], of shape ().

    Its gradient is largest where the discriminator is not fooled, while that of E[log(1 - D(other))] vanishes there:
    Goodfellow et al. 2014, section 3, https://arxiv.org/abs/1406.2661.
    """
    return softplus(-logits).mean()


def permute_dimensions(z: Tensor) -> Tensor:
    """Samples of prod_d q(z_d) from those of q(z): each dimension of a batch (B, D) in a random order of its own.

    Kim & Mnih 2018, algorithm 1, https://arxiv.org/abs/1802.05983.
    """
    order = torch.rand(z.shape, dtype=z.dtype, device=z.device).argsort(0)  # (B, D)
    return z.gather(0, order)


def scaled_gradient(y: Tensor, factor: float) -> Tensor:
    """The same value, with its gradient times a factor."""
    return y.detach() + factor * (y - y.detach())
