"""Fully connected networks."""

from collections.abc import Sequence
from itertools import pairwise
from math import prod

from torch import nn

from vae_lab.configuration.options import HiddenActivation, Size
from vae_lab.networks.activation import ACTIVATIONS, inputs_for
from vae_lab.networks.architecture import Architecture, Shape


class Linear(Architecture):
    """A linear encoder and a linear decoder: with a Gaussian likelihood, probabilistic PCA.

    Lucas et al. 2019, https://arxiv.org/abs/1911.02469.
    """

    is_stack = True

    def encoder(self, image_shape: Shape, out_shape: Shape) -> nn.Module:
        return dense(image_shape, (), None, out_shape, output_bias=True)

    def decoder(self, latent_shape: Shape, out_shape: Shape) -> nn.Module:
        return dense(latent_shape, (), None, out_shape, output_bias=False)


class MLP(Architecture):
    """Multilayer perceptrons: the decoder has the hidden layers of the encoder in reverse order.

    Args:
        hidden_sizes: units of each hidden layer of the encoder, from the image on.
        activation: the nonlinearity after each hidden layer; `gated` means gated linear units,
            (Wx + b) * sigmoid(Vx + d), with two weight matrices each: Tomczak & Welling 2018,
            https://arxiv.org/abs/1705.07120.
    """

    is_stack = True

    def __init__(self, hidden_sizes: Sequence[Size] = (400,), activation: HiddenActivation = "relu") -> None:
        self.hidden_sizes = tuple(hidden_sizes)
        self.activation = ACTIVATIONS[activation]

    def encoder(self, image_shape: Shape, out_shape: Shape) -> nn.Module:
        return dense(image_shape, self.hidden_sizes, self.activation, out_shape, output_bias=True)

    def decoder(self, latent_shape: Shape, out_shape: Shape) -> nn.Module:
        return dense(latent_shape, self.hidden_sizes[::-1], self.activation, out_shape, output_bias=False)


def dense(
    in_shape: Shape,
    hidden_sizes: Sequence[int],
    activation: type[nn.Module] | None,
    out_shape: Shape,
    *,
    output_bias: bool,
) -> nn.Sequential:
    """Make a multilayer perceptron from (*batch, *in_shape) to (*batch, *out_shape).

    Args:
        in_shape: the shape of the input, without batch dimensions.
        hidden_sizes: units of each hidden layer.
        activation: the nonlinearity after each hidden layer, or None.
        out_shape: the shape of the output, without batch dimensions.
        output_bias: whether the last layer has a bias.
    """
    layers: list[nn.Module] = [nn.Flatten(-len(in_shape))] if len(in_shape) > 1 else []
    sizes = (prod(in_shape), *hidden_sizes)
    for num_inputs, num_outputs in pairwise(sizes):
        layers.append(nn.Linear(num_inputs, inputs_for(activation, num_outputs)))
        if activation is not None:
            layers.append(activation())
    layers.append(nn.Linear(sizes[-1], prod(out_shape), bias=output_bias))
    if len(out_shape) > 1:
        layers.append(nn.Unflatten(-1, out_shape))
    return nn.Sequential(*layers)
