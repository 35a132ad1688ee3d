"""Layers with very many inputs: the first step of an optimizer does not depend on their number."""

import pytest
import torch
from torch import nn

from helpers import parts
from helpers.composed import composed
from vae_lab import build
from vae_lab.errors import UserError
from vae_lab.optimization.wide_layers import MAX_INPUTS, slow_down, wide_weights
from vae_lab.training.module import TrainingModule


@pytest.mark.parametrize("num_inputs", [100, MAX_INPUTS, 2 * MAX_INPUTS, 12 * MAX_INPUTS])
def test_the_first_step_changes_an_output_by_no_more_than_that_of_a_layer_of_the_limit(num_inputs: int) -> None:
    layer = nn.Linear(num_inputs, 2)
    x, before = torch.ones(num_inputs), layer(torch.ones(num_inputs)).detach()
    factors = wide_weights(nn.ModuleDict({"inner": layer}))
    wide = [layer.weight] if factors else []
    optimizer = torch.optim.Adam([layer.bias] if factors else [layer.weight, layer.bias], lr=1e-3)
    slow_down(optimizer, wide, [*factors.values()])
    layer(x).sum().backward()
    optimizer.step()
    change = (layer(x) - before).abs()
    assert change.tolist() == pytest.approx([1e-3 * (min(num_inputs, MAX_INPUTS) + 1)] * 2, rel=1e-2)


def module_for(image_shape: tuple[int, ...], *overrides: str) -> TrainingModule:
    config = composed("latent_dim=2", "model.hidden_sizes=[4]", *overrides)
    return TrainingModule(
        build.model(config, image_shape, torch.full(image_shape, 0.3)),
        build.objective(config, num_images=10, image_shape=image_shape),
        build.optimizer(config),
        schedule=None,
        image_shape=image_shape,
        classes=None,
        seed=0,
        choose_epoch_by="elbo",
        nll_samples=1,
        compiled=False,
    )


def test_a_run_on_large_pictures_trains_every_parameter_once_and_one_on_small_ones_in_one_group() -> None:
    for shape, num_groups in ((parts.IMAGE_SHAPE, 1), ((3, 200, 100), 2)):
        module = module_for(shape)
        optimizer = module.configure_optimizers()
        assert isinstance(optimizer, torch.optim.Optimizer)
        groups = optimizer.param_groups
        assert len(groups) == num_groups
        trained = [id(parameter) for group in groups for parameter in group["params"]]
        assert sorted(trained) == sorted(id(parameter) for parameter in module.parameters())
    assert [group["lr"] for group in groups] == pytest.approx([1e-3, 1e-3 * MAX_INPUTS / 60_000])


def test_a_state_of_before_is_refused_in_one_line() -> None:
    module = module_for((3, 200, 100))
    with pytest.raises(UserError, match="it cannot be resumed; train it anew"):
        module.on_load_checkpoint({"optimizer_states": [{"param_groups": [{}]}]})
