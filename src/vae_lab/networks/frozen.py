"""Applying a network so that gradients reach its input, but not its parameters."""

from torch import Tensor, nn
from torch.func import functional_call


def apply_frozen(network: nn.Module, y: Tensor) -> Tensor:
    """Return the output of a network for the input `y`, with the network's parameters detached."""
    output: Tensor = functional_call(network, {name: p.detach() for name, p in network.named_parameters()}, (y,))
    return output
