"""Losses of discriminators, and of the networks that are trained against them.

A discriminator classifies samples as those of a first distribution (the real ones) or of another, with probability
D = sigmoid(logit) for the first. Its optimal logit is log p_real - log p_other, so that it estimates a density ratio
from samples alone: Goodfellow et al. 2014, proposition 1, https://arxiv.org/abs/1406.2661.
"""

import torch
from torch import Tensor
from torch.nn.functional import softplus


def discriminator_loss(real: Tensor, *others: Tensor) -> Tensor:
    """Return the cross-entropy of a discriminator, which the discriminator minimises.

    -E[log D(real)] - sum_i E[log(1 - D(other_i))]

    Goodfellow et al. 2014, equation 1, https://arxiv.org/abs/1406.2661. With one other distribution that is equal to
    the real one, the minimum is log 4.

    Args:
        real: logits of real samples, of shape (N,).
        others: logits of samples of each of the other distributions, of shape (M,) each.

    Returns:
        The loss in nats, of shape ().
    """
    loss = softplus(-real).mean()
    for logits in others:
        loss = loss + softplus(logits).mean()
    return loss


def non_saturating_loss(logits: Tensor) -> Tensor:
    """Return the generator's loss -E[log D(other)], which is low where the discriminator takes samples for real.

    Its gradient is largest where the discriminator is right, where the gradient of E[log(1 - D(other))] vanishes:
    Goodfellow et al. 2014, section 3, https://arxiv.org/abs/1406.2661.

    Args:
        logits: logits of generated samples, of shape (N,).

    Returns:
        The loss in nats, of shape ().
    """
    return softplus(-logits).mean()


def permute_dimensions(z: Tensor) -> Tensor:
    """Turn samples of q(z) into samples of prod_d q(z_d): permute each dimension across the batch by itself.

    Kim & Mnih 2018, algorithm 1, https://arxiv.org/abs/1802.05983.

    Args:
        z: samples of q(z), of shape (B, D).

    Returns:
        The permuted samples, of shape (B, D).
    """
    order = torch.rand(z.shape, dtype=z.dtype, device=z.device).argsort(0)  # (B, D)
    return z.gather(0, order)


def scaled_gradient(y: Tensor, factor: float) -> Tensor:
    """Return the same value, with its gradient multiplied by a factor."""
    return y.detach() + factor * (y - y.detach())
