"""Activation functions by the names that options use."""

from torch import nn

from vae_lab.configuration.options import HiddenActivation

ACTIVATIONS: dict[HiddenActivation, type[nn.Module]] = {
    "relu": nn.ReLU,
    "tanh": nn.Tanh,
    "elu": nn.ELU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "softplus": nn.Softplus,
    "leaky_relu": nn.LeakyReLU,
    "gated": nn.GLU,
}


def inputs_for(activation: type[nn.Module] | None, num_outputs: int) -> int:
    """Return how many units a layer must have so that `num_outputs` are left after its activation.

    A gated linear unit makes one output of two units, h = (Wx + b) * sigmoid(Vx + d): Dauphin et al. 2017,
    https://arxiv.org/abs/1612.08083, and for VAEs Tomczak & Welling 2018, https://arxiv.org/abs/1705.07120.
    """
    return 2 * num_outputs if activation is nn.GLU else num_outputs
