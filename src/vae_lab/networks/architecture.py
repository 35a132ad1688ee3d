"""What a network architecture provides: an encoder and a decoder as a pair."""

from abc import ABC, abstractmethod
from typing import ClassVar

from torch import Tensor, nn

Shape = tuple[int, ...]


class Architecture(ABC):
    """A recipe for an encoder and a decoder that belong together.

    Sizes come from the parts around the networks, so an architecture holds only its own hyperparameters. Every
    network takes any number of leading batch dimensions.

    Attributes:
        is_stack: whether both are sequences of linear maps, as many in the decoder as in the encoder.
    """

    is_stack: ClassVar[bool] = False  # forgotten, it only keeps the architecture from objective=stacked_autoencoder

    @abstractmethod
    def encoder(self, image_shape: Shape, out_shape: Shape) -> nn.Module:
        """A network from images (*batch, *image_shape) to parameters (*batch, *out_shape)."""

    @abstractmethod
    def decoder(self, latent_shape: Shape, out_shape: Shape) -> nn.Module:
        """A network from latent vectors (*batch, *latent_shape) to parameters (*batch, *out_shape).

        Its last layer has no bias: `OutputBias` adds one that starts at the data's pixel means.
        """


class OutputBias(nn.Module):
    """A decoder with its output bias, one learned number for each output.

    Starting at the data's mean image leaves the networks only the differences between images to learn; the
    results are about a nat better than from zero: Burda et al. 2016, https://arxiv.org/abs/1509.00519.

    Args:
        network: a decoder whose output has the shape of `bias` behind its batch dimensions.
        bias: the initial value.
    """

    def __init__(self, network: nn.Module, bias: Tensor) -> None:
        super().__init__()
        self.network = network
        self.bias = nn.Parameter(bias.clone())

    def forward(self, z: Tensor) -> Tensor:
        return self.network(z) + self.bias
