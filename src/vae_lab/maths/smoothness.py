"""What keeps a network smooth."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.func import vjp


def squared_weights(network: nn.Module) -> Tensor:
    """The squared norm of the weights of a network's linear maps, of shape (); biases and scales are left alone."""
    weights = [p for name, p in network.named_parameters() if name.endswith("weight") and p.ndim > 1]
    return torch.stack([weight.square().sum() for weight in weights]).sum()


def squared_jacobian(function: Callable[[Tensor], Tensor], z: Tensor, direction: Callable[[Tensor], Tensor]) -> Tensor:
    """The squared norm of the Jacobian of a function at each z, estimated along one direction.

    |J(z)|_F^2 = E[|u' J(z)|^2] for directions with E[u u'] = I

    Without bias: Hutchinson 1990, https://doi.org/10.1080/03610919008812866. u' J is one pass backwards, through which
    the estimate is differentiable again.

    Args:
        function: maps (B, *latent) to (B, *event), each row by itself.
        z: where, of shape (B, *latent).
        direction: draws u, of the shape, device and precision of what it is given, (B, *event).

    Returns:
        The estimates, of shape (B,); for a scalar function of each row, along u = 1, its squared gradient itself.
    """
    value, pull_back = vjp(function, z)[:2]
    (along,) = pull_back(direction(value))
    return along.flatten(1).square().sum(-1)
