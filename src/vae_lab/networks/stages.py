"""Common pieces of convolutional networks: spatial sizes, normalisation and batch dimensions."""

from collections.abc import Sequence
from math import prod

from torch import Tensor, nn

from vae_lab.configuration.options import Norm
from vae_lab.errors import UserError
from vae_lab.networks.architecture import Shape
from vae_lab.networks.dense import dense

Size = tuple[int, int]  # height, width

# For group normalisation: 16 was best on ImageNet (Wu & He 2018, table 3), and half of that suits the narrower networks
# of small images.
CHANNELS_PER_GROUP = 8


def image_sizes(image_shape: Shape, num_stages: int) -> list[Size]:
    """Return the height and width of an image, and after each stage, which halves them and rounds up.

    Raises:
        UserError: if the shape is not that of an image.

    >>> image_sizes((1, 28, 20), 3)
    [(28, 20), (14, 10), (7, 5), (4, 3)]
    """
    if len(image_shape) != 3:
        raise UserError(
            f"model: a convolutional network needs images of shape (channels, height, width), got shape {image_shape}; "
            "choose model=mlp"
        )
    sizes: list[Size] = [(image_shape[1], image_shape[2])]
    for _ in range(num_stages):
        height, width = sizes[-1]
        sizes.append((-(-height // 2), -(-width // 2)))
    return sizes


def normalization(norm: Norm, num_channels: int) -> nn.Module:
    """Make a normalisation of activations (B, C, H, W) to zero mean and unit variance, with a learned scale and shift.

    The mean and variance are over a group of channels of one image for `group` (Wu & He 2018,
    https://arxiv.org/abs/1803.08494), over all channels of one image for `layer`, and over one channel of all images
    for `batch` (Ioffe & Szegedy 2015, https://arxiv.org/abs/1502.03167). With `batch`, the results of an image in
    training depend on the rest of its batch. `none` is the identity.
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
    """A wrapper that lets a network with one batch dimension take any number of leading batch dimensions.

    Args:
        network: a network whose input and output have one batch dimension.
        num_event_dims: the number of dimensions of its input after the batch dimension.
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
    """Make an encoder: stages from images to features of a given shape, then a linear map to (*batch, *out_shape)."""
    return BatchDims(nn.Sequential(*stages, dense(features, (), None, out_shape, output_bias=True)), 3)


def decoder(latent_shape: Shape, features: Shape, stages: Sequence[nn.Module]) -> nn.Module:
    """Make a decoder: a linear map from (*batch, *latent_shape) to features of a given shape, then stages to images."""
    return BatchDims(
        nn.Sequential(dense(latent_shape, (), None, features, output_bias=True), *stages), len(latent_shape)
    )


class Resize(nn.Module):
    """Nearest-neighbour resizing of images (B, C, H, W).

    Args:
        size: height and width of the output.
    """

    def __init__(self, size: Size) -> None:
        super().__init__()
        self.size = size

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.interpolate(x, self.size, mode="nearest")
