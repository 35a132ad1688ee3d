"""Residual networks."""

from torch import Tensor, nn

from vae_lab.configuration.options import Activation, Norm, NumBlocks, Widths
from vae_lab.networks import stages
from vae_lab.networks.activation import ACTIVATIONS
from vae_lab.networks.architecture import Architecture, Shape


class ResNet(Architecture):
    """Residual blocks in stages that halve the image, and in reverse order stages that restore its exact size.

    He et al. 2016, https://arxiv.org/abs/1603.05027: normalisation and activation precede each convolution, so that
    the shortcuts form an identity path through the blocks. The decoder enlarges images by repeating pixels before it
    convolves, which avoids checkerboard artefacts: Odena et al. 2016, https://doi.org/10.23915/distill.00003.

    Args:
        widths: output channels of each stage of the encoder, from the image on; each stage halves height and width.
        blocks_per_stage: residual blocks of two convolutions each.
        activation: the nonlinearity before each convolution.
        norm: the normalisation before each activation. With `batch`, the images of a training batch are not
            independent: a bound on one image then depends on the others.
    """

    def __init__(
        self,
        widths: Widths = (32, 64, 128),
        blocks_per_stage: NumBlocks = 1,
        activation: Activation = "silu",
        norm: Norm = "group",
    ) -> None:
        self.widths = tuple(widths)
        self.blocks_per_stage = blocks_per_stage
        self.activation = ACTIVATIONS[activation]
        self.norm = norm

    def encoder(self, image_shape: Shape, out_shape: Shape) -> nn.Module:
        sizes = stages.image_sizes(image_shape, len(self.widths))
        num_channels = self.widths[0]
        layers: list[nn.Module] = [nn.Conv2d(image_shape[0], num_channels, 3, padding=1)]
        for width in self.widths:
            layers += [self._block(num_channels, width, stride=2), *self._blocks(width)]
            num_channels = width
        layers += self._norm_and_activation(num_channels)
        return stages.encoder(layers, (num_channels, *sizes[-1]), out_shape)

    def decoder(self, latent_shape: Shape, out_shape: Shape) -> nn.Module:
        *sizes, smallest = stages.image_sizes(out_shape, len(self.widths))
        first = num_channels = self.widths[-1]
        layers: list[nn.Module] = []
        for width, size in zip(self.widths[::-1], sizes[::-1], strict=True):
            layers += [self._block(num_channels, width), *self._blocks(width), stages.Resize(size)]
            num_channels = width
        layers += [
            *self._norm_and_activation(num_channels),
            nn.Conv2d(num_channels, out_shape[0], 3, padding=1, bias=False),
        ]
        return stages.decoder(latent_shape, (first, *smallest), layers)

    def _blocks(self, width: int) -> list[nn.Module]:
        """Make the blocks of a stage after its first one."""
        return [self._block(width, width) for _ in range(self.blocks_per_stage - 1)]

    def _block(self, num_inputs: int, num_outputs: int, stride: int = 1) -> nn.Module:
        residual = nn.Sequential(
            *self._norm_and_activation(num_inputs),
            nn.Conv2d(num_inputs, num_outputs, 3, stride, padding=1, bias=self.norm == "none"),
            *self._norm_and_activation(num_outputs),
            nn.Conv2d(num_outputs, num_outputs, 3, padding=1),
        )
        same = num_inputs == num_outputs and stride == 1
        shortcut = nn.Identity() if same else nn.Conv2d(num_inputs, num_outputs, 1, stride, bias=False)
        return Residual(residual, shortcut)

    def _norm_and_activation(self, num_channels: int) -> list[nn.Module]:
        return [stages.normalization(self.norm, num_channels), self.activation()]


class Residual(nn.Module):
    """A residual block: the sum of a block and its shortcut.

    Args:
        block: maps images (B, C, H, W) to images of the output's shape.
        shortcut: likewise, usually the identity.
    """

    def __init__(self, block: nn.Module, shortcut: nn.Module) -> None:
        super().__init__()
        self.block = block
        self.shortcut = shortcut

    def forward(self, x: Tensor) -> Tensor:
        return self.shortcut(x) + self.block(x)
