"""Networks that tell samples of one law from those of another by one logit."""

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn

from vae_lab.configuration.options import PositiveInt, Widths
from vae_lab.distributions.conditional import at_least_float32
from vae_lab.networks import stages
from vae_lab.networks.architecture import Shape
from vae_lab.networks.dense import dense


class CodeDiscriminator(nn.Module):
    """A multilayer perceptron with leaky rectifiers, from latent vectors (B, D) to logits (B,).

    Args:
        latent_dim: D.
        hidden_sizes: units of each hidden layer.
    """

    def __init__(self, latent_dim: int, hidden_sizes: Sequence[PositiveInt]) -> None:
        super().__init__()
        self.network = dense((latent_dim,), hidden_sizes, nn.LeakyReLU, (1,), output_bias=True)

    def forward(self, z: Tensor) -> Tensor:
        logits: Tensor = self.network(z)
        return at_least_float32(logits).squeeze(-1)


class ImageFeatures(nn.Module):
    """Strided convolutions with leaky rectifiers, from images (B, C, H, W) to their last activations (B, F).

    Each halves height and width. Nothing is normalised over a batch, so an image's features do not depend on the
    images beside it. The layout of Radford et al. 2016, https://arxiv.org/abs/1511.06434.

    Args:
        image_shape: channels, height, width.
        widths: channels behind each convolution.
    """

    def __init__(self, image_shape: Shape, widths: Widths) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for num_inputs, num_outputs in pairwise((image_shape[0], *widths)):
            layers += [nn.Conv2d(num_inputs, num_outputs, 5, stride=2, padding=2), nn.LeakyReLU(0.2)]
        self.network = nn.Sequential(*layers, nn.Flatten())
        height, width = stages.image_sizes(image_shape, len(widths))[-1]
        self.num_features = widths[-1] * height * width

    def forward(self, x: Tensor) -> Tensor:
        features: Tensor = self.network(x)
        return at_least_float32(features)


class ImageDiscriminator(nn.Module):
    """A linear map of image features to a logit.

    Args:
        image_shape: channels, height, width.
        widths: channels behind each convolution.
    """

    def __init__(self, image_shape: Shape, widths: Widths) -> None:
        super().__init__()
        self.features = ImageFeatures(image_shape, widths)
        self.head = nn.Linear(self.features.num_features, 1)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.head(self.features(x))
        return at_least_float32(logits).squeeze(-1)
