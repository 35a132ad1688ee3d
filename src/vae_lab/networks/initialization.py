"""How the weights of networks start."""

from abc import ABC, abstractmethod
from collections.abc import Iterator

from torch import nn

from vae_lab.configuration.options import PositiveFloat
from vae_lab.distributions.conditional import Conditional

Layer = nn.Linear | nn.Conv2d | nn.ConvTranspose2d


class Initialization(ABC):
    """A law that the layers of encoders and decoders are drawn from.

    The parts of laws, such as the steps of a flow, start as they need to, and the decoder's output bias at the mean
    image.
    """

    def start(self, model: nn.Module) -> None:
        """Draw all layers of a model anew."""
        for layer in layers(model):
            self.draw(layer)

    @abstractmethod
    def draw(self, layer: Layer) -> None:
        """Draw the weights, and the biases where there are some."""


class GlorotUniform(Initialization):
    """Weights w ~ U(-a, a), a = sqrt(6 / (inputs + outputs)), and biases of zero.

    Glorot & Bengio 2010, equation 16, https://proceedings.mlr.press/v9/glorot10a.html.
    """

    def draw(self, layer: Layer) -> None:
        nn.init.xavier_uniform_(layer.weight)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)


class Normal(Initialization):
    """Weights and biases w ~ N(0, std^2), as in Kingma & Welling 2014, section 5, https://arxiv.org/abs/1312.6114.

    Args:
        std: the standard deviation.
    """

    def __init__(self, std: PositiveFloat = 0.01) -> None:
        self.std = std

    def draw(self, layer: Layer) -> None:
        nn.init.normal_(layer.weight, std=self.std)
        if layer.bias is not None:
            nn.init.normal_(layer.bias, std=self.std)


def layers(module: nn.Module) -> Iterator[Layer]:
    """The linear and convolutional layers of a module's networks."""
    if isinstance(module, Layer):
        yield module
    elif not isinstance(module, Conditional):
        for child in module.children():
            yield from layers(child)
