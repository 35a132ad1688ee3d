"""Every likelihood with every treatment of the pixels: trained, or refused with a fix."""

from itertools import product
from types import SimpleNamespace

import pytest
import torch
from omegaconf import DictConfig

from helpers import parts
from helpers.composed import composed
from vae_lab import build
from vae_lab.configuration.check import check
from vae_lab.errors import UserError

BINARIZE = ("auto", "none", "threshold", "static", "dynamic")
DEQUANTIZE = ("auto", "none", "uniform")


def treated(likelihood: str, binarize: str, dequantize: str) -> DictConfig:
    """The configuration of a small run on digits."""
    config = composed("data=digits", f"likelihood={likelihood}", "model.hidden_sizes=[16]", "latent_dim=2")
    config.data.binarize, config.data.dequantize = binarize, dequantize
    return config


def accepted(config: DictConfig) -> bool:
    """Whether the configuration check takes it; what it refuses, it must say how to mend."""
    try:
        check(config)
    except UserError as error:
        message = str(error)
        assert "\n" not in message
        named = [key for key in ("binarize", "dequantize") if f"data.{key}={config.data[key]}:" in message]
        assert named, f"names no value: {message}"
        fixes = message.partition(": ")[2]
        assert f"data.{named[0]}=" in fixes, f"names no treatment to choose instead: {message}"
        assert "likelihood=" in fixes, f"names no likelihood to choose instead: {message}"
        return False
    return True


@pytest.mark.slow
@pytest.mark.parametrize("name", parts.names("likelihood"))
@pytest.mark.parametrize(("binarize", "dequantize"), [*product(BINARIZE, DEQUANTIZE)])
def test_trains_or_is_refused(name: str, binarize: str, dequantize: str) -> None:
    config = treated(name, binarize, dequantize)
    if not accepted(config):
        with pytest.raises(UserError):
            build.data(config)
        return
    data = build.data(config)
    place = SimpleNamespace(root_device=torch.device("cpu"))
    data.trainer = SimpleNamespace(strategy=place, global_rank=0, world_size=1, current_epoch=0)  # type: ignore[assignment]
    model = build.model(config, data.image_shape, data.pixel_mean())
    objective = build.objective(config, num_images=len(data.train.images), image_shape=data.image_shape)
    optimizer = build.optimizer(config)(model.parameters())
    for batch in data.train_dataloader():
        loss = objective(model, batch.x).value
        assert loss.isfinite()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval()
    for batch in (*data.val_dataloader(), *data.test_dataloader()):
        assert objective(model, batch.x).value.isfinite()


@pytest.mark.parametrize("name", parts.names("likelihood"))
def test_the_choices_made_automatically_are_allowed(name: str) -> None:
    assert accepted(treated(name, "auto", "auto"))
