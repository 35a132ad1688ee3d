"""Batches too small for what is computed over them: refused in one line, by what each process gets."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from helpers import parts
from vae_lab.errors import UserError
from vae_lab.training.batch_sizes import check_batch_sizes


def some_data(num_train: int, batch_size: int = 128, num_val: int = 10, num_test: int = 10) -> Any:
    """Data of so many images, as the data module describes them."""
    splits = [SimpleNamespace(images=torch.zeros(num, 1)) for num in (num_train, num_val, num_test)]
    train, val, test = splits
    return SimpleNamespace(train=train, val=val, test=test, batch_size=min(batch_size, num_train))


def module(model: nn.Module, objective: nn.Module) -> Any:
    """A model with its objective, as the LightningModule holds them."""
    both = nn.Module()
    both.model, both.objective = model, objective
    return both


@pytest.mark.slow
@pytest.mark.parametrize("choice", [*parts.choices("objective", "likelihood"), "prior=vamp", "model=resnet"])
def test_with_one_training_image_a_run_is_refused_in_one_line_or_trains(choice: str) -> None:
    model, objective = parts.model_and_objective(choice)
    if objective.needs_batch:
        with pytest.raises(UserError, match=r"^the objective .* a batch is of 1 of 1 training images; .*$"):
            check_batch_sizes(some_data(1), module(model, objective), num_processes=1, settings={})
        return
    check_batch_sizes(some_data(1), module(model, objective), num_processes=1, settings={})
    loss, gradients = parts.loss_and_gradients(model, objective, parts.images(model, 1))
    assert loss.value.isfinite()
    assert all(gradient.isfinite().all() for gradient in gradients.values() if gradient is not None)


@pytest.mark.parametrize(
    ("norm", "data", "processes", "told"),
    [
        ("batch", some_data(9, 1), 1, "needs at least 2 images in each of 1 processes, and a batch is of 1 of 9"),
        ("batch", some_data(9, 3), 2, "needs at least 2 images in each of 2 processes, and a batch is of 3 of 9"),
        ("batch", some_data(9, 4), 2, ""),
        ("group", some_data(9, 1), 1, ""),
        ("group", some_data(9, 8, num_val=1), 2, "data.num_validation: 1 images are fewer than the 2 processes"),
        ("group", some_data(9, 8, num_test=3), 4, "choose more, or trainer.devices=3"),
        ("group", some_data(9, 8, num_val=2, num_test=2), 2, ""),
    ],
)
def test_what_each_process_gets_decides(norm: str, data: Any, processes: int, told: str) -> None:
    model, objective = parts.model_and_objective("model=conv", f"model.norm={norm}")
    if not told:
        check_batch_sizes(data, module(model, objective), num_processes=processes, settings={})
        return
    with pytest.raises(UserError) as refusal:
        check_batch_sizes(data, module(model, objective), num_processes=processes, settings={})
    assert told in str(refusal.value)


def test_two_images_on_two_processes_are_enough_for_what_is_gathered() -> None:
    model, objective = parts.model_and_objective("objective=info")
    check_batch_sizes(some_data(2), module(model, objective), num_processes=2, settings={})
