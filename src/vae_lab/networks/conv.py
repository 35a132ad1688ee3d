"""Convolutional networks."""

from itertools import pairwise
from typing import Literal

from torch import nn

from vae_lab.configuration.options import HiddenActivation, Norm, Widths
from vae_lab.networks import stages
from vae_lab.networks.activation import ACTIVATIONS, inputs_for
from vae_lab.networks.architecture import Architecture, Shape
from vae_lab.networks.stages import Size


class Conv(Architecture):
    """Strided convolutions that halve the image, and transposed convolutions that restore its exact size.

    The layout of Radford et al. 2016, https://arxiv.org/abs/1511.06434, for images of any size: if the input of a stage
    of the encoder has an odd size, the corresponding stage of the decoder restores that size.

    Args:
        widths: output channels of each stage of the encoder, from the image on; each stage halves height and width.
        kernel_size: pixels along each side of a kernel; odd, so that a kernel has a centre pixel.
        activation: the nonlinearity after each stage, or `gated` for gated convolutions.
        norm: the normalisation before each activation. With `batch`, the images of a training batch are not
            independent: a bound on one image then depends on the others.
    """

    def __init__(
        self,
        widths: Widths = (32, 64, 128),
        kernel_size: Literal[3, 5, 7] = 3,
        activation: HiddenActivation = "relu",
        norm: Norm = "group",
    ) -> None:
        self.widths = tuple(widths)
        self.kernel_size = kernel_size
        self.activation = ACTIVATIONS[activation]
        self.norm = norm

    def encoder(self, image_shape: Shape, out_shape: Shape) -> nn.Module:
        sizes = stages.image_sizes(image_shape, len(self.widths))
        layers: list[nn.Module] = []
        for num_inputs, num_outputs in pairwise((image_shape[0], *self.widths)):
            layers += [self._down(num_inputs, num_outputs), *self._norm_and_activation(num_outputs)]
        return stages.encoder(layers, (self.widths[-1], *sizes[-1]), out_shape)

    def decoder(self, latent_shape: Shape, out_shape: Shape) -> nn.Module:
        *sizes, smallest = stages.image_sizes(out_shape, len(self.widths))
        first, *widths = self.widths[::-1]
        layers: list[nn.Module] = self._norm_and_activation(first)
        source, num_inputs = smallest, first
        for target, num_outputs in zip(sizes[:0:-1], widths, strict=True):
            num_units, bias = inputs_for(self.activation, num_outputs), self.norm == "none"
            layers += [self._up(num_inputs, num_units, source, target, bias), *self._norm_and_activation(num_outputs)]
            source, num_inputs = target, num_outputs
        layers.append(self._up(num_inputs, out_shape[0], source, sizes[0], bias=False))
        return stages.decoder(latent_shape, (inputs_for(self.activation, first), *smallest), layers)

    def _norm_and_activation(self, num_channels: int) -> list[nn.Module]:
        activation = nn.GLU(1) if self.activation is nn.GLU else self.activation()
        return [stages.normalization(self.norm, inputs_for(self.activation, num_channels)), activation]

    def _down(self, num_inputs: int, num_outputs: int) -> nn.Module:
        return nn.Conv2d(
            num_inputs,
            inputs_for(self.activation, num_outputs),
            self.kernel_size,
            stride=2,
            padding=self.kernel_size // 2,
            bias=self.norm == "none",  # a normalisation has its own shift
        )

    def _up(self, num_inputs: int, num_outputs: int, source: Size, target: Size, bias: bool) -> nn.Module:
        # Without output padding, n pixels become 2n - 1; an even target size needs one more.
        height, width = (after - (2 * before - 1) for before, after in zip(source, target, strict=True))
        return nn.ConvTranspose2d(
            num_inputs,
            num_outputs,
            self.kernel_size,
            stride=2,
            padding=self.kernel_size // 2,
            output_padding=(height, width),
            bias=bias,
        )
