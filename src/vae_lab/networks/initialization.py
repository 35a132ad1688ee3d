"""Initialisations of the weights of networks."""

from abc import ABC, abstractmethod
from collections.abc import Iterator

from torch import nn

from vae_lab.configuration.options import PositiveFloat
from vae_lab.distributions.conditional import Conditional

Layer = nn.Linear | nn.Conv2d | nn.ConvTranspose2d


class Initialization(ABC):
    """The base class of initialisations of the layers of encoders and decoders.

    The modules inside of posteriors, priors and likelihoods, such as the steps of a flow, keep their own
    initialisation, and so does the decoder's output bias, which starts at the mean image.
    """

    def start(self, model: nn.Module) -> None:
        """Initialise all layers of a model."""
        for layer in layers(model):
            self.draw(layer)

    @abstractmethod
    def draw(self, layer: Layer) -> None:
        """Initialise the weights of a layer, and its bias if it has one."""


class GlorotUniform(Initialization):
    """Glorot's uniform initialisation w ~ U(-a, a), a = sqrt(6 / (inputs + outputs)), with biases of zero.

    Glorot & Bengio 2010, equation 16, https://proceedings.mlr.press/v9/glorot10a.html.
    """

    def draw(self, layer: Layer) -> None:
        nn.init.xavier_uniform_(layer.weight)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)


class Normal(Initialization):
    """A normal initialisation w ~ N(0, std^2) of weights and biases.

    Kingma & Welling 2014, section 5, https://arxiv.org/abs/1312.6114.

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
    """Yield the linear and convolutional layers of a model's networks, but not those inside of a `Conditional`."""
    if isinstance(module, Layer):
        yield module
    elif not isinstance(module, Conditional):
        for child in module.children():
            yield from layers(child)
