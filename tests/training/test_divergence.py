"""A state that diverged is not saved."""

import re
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from vae_lab.training.divergence import DivergenceError, check_finite_state, check_sane


@pytest.mark.parametrize(
    ("best", "told"),
    [(None, "no epoch had a finite val/elbo"), (-1.07e13, "the best val/elbo of all epochs is -1.07e+13"), (-7e5, "")],
)
def test_a_run_without_an_epoch_that_means_anything_is_not_tested(best: float | None, told: str) -> None:
    if not told:
        check_sane(best, "val/elbo", num_pixels=784)
        return
    with pytest.raises(DivergenceError, match=f"training diverged: {re.escape(told)}"):
        check_sane(best, "val/elbo", num_pixels=784)


@pytest.mark.parametrize("spoilt", ["", "weights", "optimizer"])
def test_a_state_that_is_not_finite_is_not_saved(spoilt: str) -> None:
    module = nn.Linear(2, 2)
    optimizer = torch.optim.Adam(module.parameters())
    module(torch.ones(2)).sum().backward()
    optimizer.step()
    if spoilt == "weights":
        module.weight.data[0, 1] = float("inf")
    if spoilt == "optimizer":
        optimizer.state[module.bias]["exp_avg_sq"][1] = float("nan")
    trainer: Any = SimpleNamespace(optimizers=[optimizer], global_step=7, current_epoch=2)
    if not spoilt:
        check_finite_state(module, trainer)
        return
    with pytest.raises(DivergenceError, match="after step 7, in epoch 3"):
        check_finite_state(module, trainer)
