"""What convolutional networks share: spatial sizes, normalisation, batch dimensions."""

from collections.abc import Sequence
from math import prod

from torch import Tensor, nn

from vae_lab.configuration.options import Norm
from vae_lab.errors import UserError
from vae_lab.networks.architecture import Shape
from vae_lab.networks.dense import dense

Size = tuple[int, int]  # height, width

# Of a group normalisation: with 16 it did best on ImageNet (Wu & He 2018, table 3), and half of it suits the
# narrower networks of small images.
CHANNELS_PER_GROUP = 8


def image_sizes(image_shape: Shape, num_stages: int) -> list[Size]:
    """The height and width of an image, and behind each stage that halves them, odd ones rounded up.

    >>> image_sizes((1, 28, 20), 3)
    [(28, 20), (14, 10), (7, 5), (4, 3)]
    """
    if len(image_shape) != 3:
        raise UserError(
            f"model: a convolutional network maps images of shape (channels, height, width), not vectors of shape "
            f"{image_shape}; choose model=mlp"
        )
    sizes: list[Size] = [(image_shape[1], image_shape[2])]
    for _ in range(num_stages):
        height, width = sizes[-1]
        sizes.append((-(-height // 2), -(-width // 2)))
    return sizes


def normalization(norm: Norm, num_channels: int) -> nn.Module:
    """What brings activations (B, C, H, W) to zero mean and unit variance, then scales and shifts each channel.

    `group` does so for groups of channels of one image (Wu & He 2018, https://arxiv.org/abs/1803.08494), `layer` for
    all channels of one image. `batch` does so for one channel of all images (Ioffe & Szegedy 2015,
    https://arxiv.org/abs/1502.03167): in training an image's figures then depend on the rest of its batch.
    """
    if norm == "none":
        return nn.Identity()
    if norm == "batch":
        return nn.BatchNorm2d(num_channels)
    num_groups = 1 if norm == "layer" else max(1, num_channels // CHANNELS_PER_GROUP)
    while num_channels % num_groups:
        num_groups -= 1
    return nn.GroupNorm(num_groups, num_channels)


class BatchDims(nn.Module):
    """A network of images (B, C, H, W) that takes any number of leading batch dimensions.

    Args:
        network: maps tensors with one batch dimension.
        num_event_dims: dimensions of its input behind the batch.
    """

    def __init__(self, network: nn.Module, num_event_dims: int) -> None:
        super().__init__()
        self.network = network
        self.num_event_dims = num_event_dims

    def forward(self, x: Tensor) -> Tensor:
        batch, event = x.shape[: -self.num_event_dims], x.shape[-self.num_event_dims :]
        y: Tensor = self.network(x.reshape(prod(batch), *event))
        return y.reshape(*batch, *y.shape[1:])


def encoder(stages: Sequence[nn.Module], features: Shape, out_shape: Shape) -> nn.Module:
    """Stages from images to features of the given shape, then a linear map to (*batch, *out_shape)."""
    return BatchDims(nn.Sequential(*stages, dense(features, (), None, out_shape, output_bias=True)), 3)


def decoder(latent_shape: Shape, features: Shape, stages: Sequence[nn.Module]) -> nn.Module:
    """A linear map from (*batch, *latent_shape) to features of the given shape, then stages to images."""
    return BatchDims(
        nn.Sequential(dense(latent_shape, (), None, features, output_bias=True), *stages), len(latent_shape)
    )


class Resize(nn.Module):
    """Repeats the nearest pixels of images (B, C, H, W) to the given height and width."""

    def __init__(self, size: Size) -> None:
        super().__init__()
        self.size = size

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.interpolate(x, self.size, mode="nearest")
