"""Networks whose input includes the condition c of an image: its class, as a one-hot vector."""

import torch
from torch import Tensor, nn

from vae_lab.networks.architecture import Shape


def apply_conditioned(network: nn.Module, y: Tensor, c: Tensor | None) -> Tensor:
    """Return network(y, c), or network(y) if there is no condition."""
    return network(y) if c is None else network(y, c)


class LabelledEncoder(nn.Module):
    """An encoder that gets the class as one more channel of the image: a learned plane of pixels for each class.

    Sohn et al. 2015, https://papers.nips.cc/paper/5775-learning-structured-output-representation-using-deep-conditional-generative-models

    Args:
        network: an encoder of images with one more channel than `image_shape`.
        image_shape: channels, height, width.
        num_classes: the number of classes.
    """

    def __init__(self, network: nn.Module, image_shape: Shape, num_classes: int) -> None:
        super().__init__()
        _, height, width = image_shape
        self.network = network
        self.planes = nn.Linear(num_classes, height * width, bias=False)
        self.plane_shape = (1, height, width)

    def forward(self, x: Tensor, c: Tensor) -> Tensor:
        plane = self.planes(c.to(x.dtype)).unflatten(-1, self.plane_shape)  # (B, 1, H, W)
        return self.network(torch.cat([x, plane.to(x.dtype)], -3))


class LabelledDecoder(nn.Module):
    """A decoder that gets the class as one-hot units appended to the latent vector.

    Args:
        network: a decoder of vectors of all latent units and one more unit for each class.
        num_event_dims: the number of dimensions of a latent variable, which are flattened.
    """

    def __init__(self, network: nn.Module, num_event_dims: int) -> None:
        super().__init__()
        self.network = network
        self.num_event_dims = num_event_dims

    def forward(self, z: Tensor, c: Tensor) -> Tensor:
        units = z.flatten(-self.num_event_dims)  # (K, B, D)
        labels = c.to(z.dtype).expand(*units.shape[:-1], c.shape[-1])  # (K, B, classes)
        return self.network(torch.cat([units, labels], -1))
