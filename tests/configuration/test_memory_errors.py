"""An allocation that fails is one line, with the keys that decide what the work takes."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hydra.errors import InstantiationException

from helpers.composed import composed
from vae_lab import build
from vae_lab.configuration.memory_errors import explain_memory_error
from vae_lab.data.batches import EvaluationBatches, Shard
from vae_lab.data.digits import Digits
from vae_lab.data.module import apply_dequantization
from vae_lab.sweeps.job import one_line
from vae_lab.training.module import TrainingModule

TOO_MANY = 2**50


def raised_by(work: Callable[[], Any]) -> Exception:
    with pytest.raises((RuntimeError, MemoryError, InstantiationException)) as failed:
        work()
    return failed.value


def training_step() -> None:
    config = composed("data=digits", "objective=elbo_mc")
    config.objective.num_samples = TOO_MANY  # more than the configuration would let through
    data = build.data(config)
    module = TrainingModule(
        build.model(config, data.image_shape, data.pixel_mean()),
        build.objective(config, num_images=10, image_shape=data.image_shape),
        build.optimizer(config),
        schedule=None,
        image_shape=data.image_shape,
        classes=None,
        seed=0,
        choose_epoch_by="elbo",
        nll_samples=1,
        compiled=False,
    )
    batches = EvaluationBatches(data.test, 8, device=torch.device("cpu"), shard=Shard(0, 1))
    module.training_step(next(iter(batches)), 0)


def huge_model() -> None:
    config = composed("data=digits")
    config.model.hidden_sizes = [TOO_MANY]
    build.model(config, (1, 8, 8), torch.zeros(1, 8, 8))


def huge_flow() -> None:
    config = composed("data=digits", "posterior=iaf", "latent_dim=2")
    config.posterior.hidden_sizes = [TOO_MANY]  # which Hydra builds, and wraps what it raises
    build.model(config, (1, 8, 8), torch.zeros(1, 8, 8))


def huge_images() -> None:
    images = torch.zeros(1, dtype=torch.uint8).expand(TOO_MANY, 1, 1, 1)
    apply_dequantization(Digits().load().test._replace(images=images), "uniform", 0)


@pytest.mark.parametrize(
    ("work", "line"),
    [
        (
            training_step,
            r"^not enough memory for training \(\d+ bytes were asked for at once\); .*objective.num_samples",
        ),
        (huge_model, r"^not enough memory for building the model .*model.hidden_sizes"),
        (huge_flow, r"^not enough memory for building the model"),
        (huge_images, r"^not enough memory for reading the data .*data.num_train"),
        (lambda: np.empty(TOO_MANY), r"^not enough memory for this command \(8.00 PiB were asked for"),
    ],
)
def test_a_failed_allocation_names_what_to_turn(work: Callable[[], Any], line: str) -> None:
    error = raised_by(work)
    explained = explain_memory_error(error)
    assert explained is not None
    assert re.search(line, explained), explained
    assert "\n" not in explained
    assert one_line(error) == explained


def test_an_accelerator_without_memory_is_told_alike() -> None:
    error = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB. GPU 0 has a total capacity of ...")
    assert "20.00 GiB were asked for" in str(explain_memory_error(error))


def test_other_errors_are_left_alone() -> None:
    assert explain_memory_error(RuntimeError("mat1 and mat2 shapes cannot be multiplied")) is None
    assert explain_memory_error(KeyError("memory")) is None
