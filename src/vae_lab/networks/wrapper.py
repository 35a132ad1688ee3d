"""What the encoder and the decoder of every model are put in, whatever their architecture."""

from collections.abc import Callable
from dataclasses import dataclass
from math import prod

from torch import Tensor, nn

from vae_lab.networks.architecture import OutputBias, Shape
from vae_lab.networks.condition import LabelledDecoder, LabelledEncoder, apply_conditioned


class Denoising(nn.Module):
    """An encoder that sees corrupted images."""

    def __init__(self, corruption: nn.Module, encoder: nn.Module) -> None:
        super().__init__()
        self.corruption = corruption
        self.encoder = encoder

    def forward(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        return apply_conditioned(self.encoder, self.corruption(x), c)


@dataclass(frozen=True)
class NetworkWrapper:
    """The labels, the corruption and the output bias around a model's networks."""

    image_shape: Shape  # channels, height, width
    output_bias: Tensor  # of the shape of the likelihood's parameters
    num_classes: int | None  # None where nothing is conditioned on the class
    corruption: nn.Module | None

    def encoder(self, make: Callable[[Shape], nn.Module]) -> nn.Module:
        """An encoder of clean images, made for the shape of what it sees."""
        if self.num_classes is None:
            return make(self.image_shape)
        channels, *size = self.image_shape
        return LabelledEncoder(make((channels + 1, *size)), self.image_shape, self.num_classes)

    def behind_corruption(self, encoder: nn.Module) -> nn.Module:
        """The encoder as the model uses it."""
        return encoder if self.corruption is None else Denoising(self.corruption, encoder)

    def decoder(self, make: Callable[[Shape], nn.Module], latent_shape: Shape) -> nn.Module:
        """A decoder of latent vectors, made for the shape of what it sees, with its output bias."""
        if self.num_classes is None:
            return OutputBias(make(latent_shape), self.output_bias)
        seen = (prod(latent_shape) + self.num_classes,)
        return LabelledDecoder(OutputBias(make(seen), self.output_bias), len(latent_shape))
