"""The stacked autoencoder: who learns when, and from what."""

import copy
from collections.abc import Iterable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from helpers import parts
from helpers.composed import composed
from vae_lab import build
from vae_lab.configuration.check import check
from vae_lab.errors import UserError
from vae_lab.models.vae import VAE
from vae_lab.objectives.autoencoder import Autoencoder
from vae_lab.objectives.stacked_autoencoder import StackedAutoencoder

CHOICE = ("objective=stacked_autoencoder", "posterior=delta", "likelihood=squared_error", "latent_dim=3")
NUM_LAYERS = 3  # 64 pixels, then 20, 10 and 3 units


def network(activation: str = "relu") -> VAE:
    config = composed(*CHOICE, "model.hidden_sizes=[20,10]", f"model.activation={activation}")
    model = build.model(config, parts.IMAGE_SHAPE, torch.full(parts.IMAGE_SHAPE, 0.3))
    assert isinstance(model, VAE)
    return model


def maps(model: VAE) -> list[tuple[nn.Linear, nn.Linear]]:
    """The linear maps of each layer, up and down again, from the image on."""
    up, down = ([m for m in net.modules() if isinstance(m, nn.Linear)] for net in (model.encoder, model.decoder))
    return list(zip(up, reversed(down), strict=True))


def layer_of(model: VAE, name: str) -> int:
    """The layer that a parameter of the model belongs to, counted from 1."""
    parameter = model.get_parameter(name)
    for number, pair in enumerate(maps(model), 1):
        if any(parameter is own for layer in pair for own in layer.parameters()):
            return number
    return 1  # the output bias


class Training:
    """A model on its way, two steps a layer."""

    def __init__(self, activation: str = "relu") -> None:
        self.model = network(activation)
        self.objective = StackedAutoencoder(steps_per_layer=2)
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=1e-2, weight_decay=0.1)

    def train(self, steps: Iterable[int]) -> dict[str, Tensor]:
        """Take steps, each on images of its own; returns the terms of the last."""
        for step in steps:
            self.optimizer.zero_grad()
            loss = self.objective(self.model, parts.images(self.model, 40).roll(step, 0)[:8])
            loss.value.backward()
            self.optimizer.step()
        return loss.terms

    def states(self) -> list[dict[str, Any]]:
        return [copy.deepcopy(part.state_dict()) for part in (self.model, self.objective, self.optimizer)]

    def load(self, states: list[dict[str, Any]]) -> None:
        for part, state in zip((self.model, self.objective, self.optimizer), states, strict=True):
            part.load_state_dict(state)


@pytest.mark.parametrize("activation", ["relu", "gated"])
def test_each_stage_trains_its_own_layer_and_the_last_trains_all(activation: str) -> None:
    """To the bit: neither weight decay nor what is left of an earlier stage's momentum moves the others."""
    training = Training(activation)
    model = training.model
    for number in range(2 * NUM_LAYERS + 2):
        before = {name: value.detach().clone() for name, value in model.named_parameters()}
        terms = training.train([number])
        stage = number // 2 + 1
        moved = {name for name, value in model.named_parameters() if not torch.equal(value, before[name])}
        if stage <= NUM_LAYERS:
            assert terms.keys() == {f"layer_{stage}"}
            assert moved == {name for name in before if layer_of(model, name) == stage}
        else:
            assert terms.keys() == {"distortion"}
            assert moved == set(before)


def test_each_layer_reconstructs_what_it_sees() -> None:
    """The losses, written out."""
    model, x = network(), parts.images(network(), 8)
    (up_1, down_1), (up_2, down_2), (up_3, down_3) = maps(model)
    bias = model.decoder.bias
    assert isinstance(bias, Tensor)
    h_1 = up_1(x.flatten(1)).relu()
    h_2 = up_2(h_1).relu()
    image = model.likelihood(down_1(h_1).unflatten(-1, parts.IMAGE_SHAPE) + bias)
    expected = [
        -image.log_prob(x).mean(),
        (down_2(h_2).relu() - h_1).square().sum(1).mean(),
        (down_3(up_3(h_2)).relu() - h_2).square().sum(1).mean(),
        Autoencoder()(model, x).value,
    ]
    objective = StackedAutoencoder(steps_per_layer=1)
    torch.testing.assert_close([objective(model, x).value for _ in expected], expected)


def test_without_stages_it_is_the_autoencoder() -> None:
    model = network()
    x = parts.images(model, 8)
    loss, gradients = parts.loss_and_gradients(model, StackedAutoencoder(steps_per_layer=0), x)
    same, others = parts.loss_and_gradients(model, Autoencoder(), x)
    torch.testing.assert_close(loss, same, rtol=0, atol=0)
    for name, gradient in others.items():
        torch.testing.assert_close(gradients[name], gradient, rtol=0, atol=0)


def test_only_training_goes_on_to_the_next_stage() -> None:
    model, objective = network(), StackedAutoencoder(steps_per_layer=1)
    x = parts.images(model, 8)
    with torch.no_grad():
        objective(model, x)
    objective.eval()(model, x)
    assert objective.num_batches == 0
    objective.train()(model, x)
    assert objective.num_batches == 1


@pytest.mark.slow
@pytest.mark.parametrize("cut", [1, 2, 5, 7])
def test_goes_on_in_the_stage_where_it_was(cut: int) -> None:
    """From the states that a checkpoint holds, to the bit."""
    whole, first, second = (Training() for _ in range(3))
    whole.train(range(9))
    first.train(range(cut))
    second.load(first.states())
    second.train(range(cut, 9))
    torch.testing.assert_close(second.states(), whole.states(), rtol=0, atol=0)


@pytest.mark.parametrize(
    ("override", "named"),
    [
        ("model=conv", "model=conv"),
        ("condition=label", "condition=label"),
        ("corruption=masking", "corruption"),
        ("trainer=ddp", "ddp_find_unused_parameters_true"),
    ],
)
def test_what_has_no_layers_is_refused(override: str, named: str) -> None:
    with pytest.raises(UserError, match=named) as caught:
        check(composed(*CHOICE, override))
    assert "\n" not in str(caught.value)
