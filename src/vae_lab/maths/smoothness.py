"""Penalties that keep a network smooth: the norm of its weights, and the norm of its Jacobian."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.func import vjp


def squared_weights(network: nn.Module) -> Tensor:
    """Return the sum of squares of a network's weight matrices and kernels, without biases and gains, of shape ()."""
    weights = [p for name, p in network.named_parameters() if name.endswith("weight") and p.ndim > 1]
    return torch.stack([weight.square().sum() for weight in weights]).sum()


def squared_jacobian(function: Callable[[Tensor], Tensor], z: Tensor, direction: Callable[[Tensor], Tensor]) -> Tensor:
    """Estimate the squared Frobenius norm of the Jacobian of a function at each z, along one direction.

    |J(z)|_F^2 = E[|u' J(z)|^2] for directions with E[u u'] = I

    The estimate is unbiased: Hutchinson 1990, https://doi.org/10.1080/03610919008812866. u' J is one backward pass,
    through which the estimate is itself differentiable.

    Args:
        function: maps (B, *latent) to (B, *event), each row independently.
        z: the points, of shape (B, *latent).
        direction: draws u, given a tensor of shape (B, *event) that has its shape, device and dtype.

    Returns:
        The estimates, of shape (B,). For a scalar function and u = 1 they are exact: the squared norm of its gradient.
    """
    value, pull_back = vjp(function, z)[:2]
    (projected,) = pull_back(direction(value))  # u' J, of shape (B, *latent)
    return projected.flatten(1).square().sum(-1)
