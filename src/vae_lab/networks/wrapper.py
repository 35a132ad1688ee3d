"""What a model adds to its encoder and decoder, whatever their architecture: condition, corruption, output bias."""

from collections.abc import Callable
from dataclasses import dataclass
from math import prod

from torch import Tensor, nn

from vae_lab.networks.architecture import OutputBias, Shape
from vae_lab.networks.condition import LabelledDecoder, LabelledEncoder, apply_conditioned


class Denoising(nn.Module):
    """An encoder of corrupted images.

    Args:
        corruption: maps images (B, C, H, W) to corrupted images of the same shape.
        encoder: a network of images, with or without a condition.
    """

    def __init__(self, corruption: nn.Module, encoder: nn.Module) -> None:
        super().__init__()
        self.corruption = corruption
        self.encoder = encoder

    def forward(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        return apply_conditioned(self.encoder, self.corruption(x), c)


@dataclass(frozen=True)
class NetworkWrapper:
    """Wraps a model's networks: adds the class as an input, the corruption and the output bias.

    Attributes:
        image_shape: channels, height, width.
        output_bias: the initial output bias, in the shape of the likelihood's parameters.
        num_classes: the number of classes; None if the model is not conditioned on the class.
        corruption: the corruption before the encoder, or None.
    """

    image_shape: Shape
    output_bias: Tensor
    num_classes: int | None
    corruption: nn.Module | None

    def encoder(self, make: Callable[[Shape], nn.Module]) -> nn.Module:
        """Make an encoder of images, without the corruption.

        Args:
            make: makes the network for a given input shape.
        """
        if self.num_classes is None:
            return make(self.image_shape)
        channels, *size = self.image_shape
        return LabelledEncoder(make((channels + 1, *size)), self.image_shape, self.num_classes)

    def with_corruption(self, encoder: nn.Module) -> nn.Module:
        """Return the encoder with the corruption before it, if there is one."""
        return encoder if self.corruption is None else Denoising(self.corruption, encoder)

    def decoder(self, make: Callable[[Shape], nn.Module], latent_shape: Shape) -> nn.Module:
        """Make a decoder of latent vectors, with its output bias.

        Args:
            make: makes the network for a given input shape.
            latent_shape: the shape of a latent variable.
        """
        if self.num_classes is None:
            return OutputBias(make(latent_shape), self.output_bias)
        in_shape = (prod(latent_shape) + self.num_classes,)
        return LabelledDecoder(OutputBias(make(in_shape), self.output_bias), len(latent_shape))
