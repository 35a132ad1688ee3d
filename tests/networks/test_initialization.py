"""How weights start: the moments of their laws, and what keeps its own start."""

import math

import torch
from torch import nn

from helpers import parts
from vae_lab.networks.initialization import GlorotUniform, Normal, layers

BIG = nn.Linear(300, 200)


def test_glorot_uniform_fills_its_interval() -> None:
    torch.manual_seed(0)
    GlorotUniform().draw(BIG)
    bound = math.sqrt(6 / 500)
    assert bound * 0.999 < BIG.weight.abs().max() <= bound
    parts.close(BIG.weight.detach().flatten().double().square(), bound**2 / 3)
    assert not BIG.bias.any()


def test_normal_draws_weights_and_biases() -> None:
    torch.manual_seed(0)
    Normal(std=0.01).draw(BIG)
    parts.close(BIG.weight.detach().flatten().double().square(), 1e-4)
    parts.close(BIG.bias.detach().double().square(), 1e-4)


def test_every_network_starts_anew_and_laws_as_they_need_to() -> None:
    plain, _ = parts.model_and_objective("prior=flow", "model=conv")
    drawn, _ = parts.model_and_objective("prior=flow", "model=conv", "initialization=normal")
    before = dict(plain.named_parameters())
    changed = {name for name, parameter in drawn.named_parameters() if not parameter.equal(before[name])}
    of_layers = {id(parameter) for layer in layers(drawn) for parameter in layer.parameters()}
    assert changed == {name for name, parameter in drawn.named_parameters() if id(parameter) in of_layers}
    assert any(name.startswith("encoder") for name in changed)
    assert any(name.startswith("decoder") for name in changed)
    assert not any(name.startswith("prior") for name in changed)
    assert "decoder.bias" not in changed, "the output starts at the mean image"
