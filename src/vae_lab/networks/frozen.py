"""Networks that pass gradients on to their input and keep none."""

from torch import Tensor, nn
from torch.func import functional_call


def frozen(network: nn.Module, y: Tensor) -> Tensor:
    """The output of a network with its parameters detached."""
    output: Tensor = functional_call(network, {name: p.detach() for name, p in network.named_parameters()}, (y,))
    return output
