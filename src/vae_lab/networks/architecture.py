"""The base class of network architectures, each a pair of an encoder and a decoder."""

from abc import ABC, abstractmethod
from typing import ClassVar

from torch import Tensor, nn

Shape = tuple[int, ...]


class Architecture(ABC):
    """The base class of recipes for an encoder and a decoder that match.

    Input and output shapes come from the parts that the networks connect, so an architecture holds only its own
    hyperparameters. Every network takes any number of leading batch dimensions.

    Attributes:
        is_stack: whether both networks are sequences of linear maps, of the same number in encoder and decoder.
    """

    is_stack: ClassVar[bool] = False  # forgotten, it only keeps the architecture from objective=stacked_autoencoder

    @abstractmethod
    def encoder(self, image_shape: Shape, out_shape: Shape) -> nn.Module:
        """Make a network from images (*batch, *image_shape) to parameters (*batch, *out_shape)."""

    @abstractmethod
    def decoder(self, latent_shape: Shape, out_shape: Shape) -> nn.Module:
        """Make a network from latent vectors (*batch, *latent_shape) to parameters (*batch, *out_shape).

        Its last layer has no bias: `OutputBias` adds one, which is initialised from the pixel means of the data.
        """


class OutputBias(nn.Module):
    """A decoder with an output bias, one learned number for each output.

    If the bias starts at the mean image of the data, the networks only learn the differences between images; the
    results are about a nat better than with a bias of zero: Burda et al. 2016, https://arxiv.org/abs/1509.00519.

    Args:
        network: a decoder with outputs of shape (*batch, *out_shape).
        bias: the initial value, of shape out_shape.
    """

    def __init__(self, network: nn.Module, bias: Tensor) -> None:
        super().__init__()
        self.network = network
        self.bias = nn.Parameter(bias.clone())

    def forward(self, z: Tensor) -> Tensor:
        return self.network(z) + self.bias
