"""Training that diverged is told, and its metrics are not passed on as if they meant something."""

import logging
import re
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from vae_lab.training.divergence import DivergenceError, check_finite_state, check_sane, warn_of_divergence

SOUND: dict[str, Any] = {"test/elbo": -100.6, "test/nll": 96.0, "epoch": 3, "epoch/chosen_by": "val/elbo"}


@pytest.mark.parametrize(
    ("metrics", "last", "told"),
    [
        (SOUND, -101.0, ""),
        (SOUND, None, ""),
        ({**SOUND, "test/nll": 7e5, "test/elbo": -7e5}, -7e5, ""),  # 893 nats per pixel value: bad, and possible
        ({**SOUND, "test/nll": 3e6}, -101.0, "test/nll=3e+06 nats per image is beyond"),
        ({**SOUND, "test/elbo": float("nan")}, -101.0, "test/elbo=nan nats per image is beyond"),
        (
            SOUND,
            -3e6,
            "training diverged after epoch 3, which the metrics are of: in the last epoch val/elbo was -3e+06",
        ),
        (SOUND, float("-inf"), "training diverged after epoch 3"),
    ],
)
def test_metrics_that_mean_nothing_are_told(
    metrics: dict[str, Any], last: float | None, told: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        warn_of_divergence(metrics, last, num_pixels=784)
    assert told in caplog.text
    assert bool(caplog.records) == bool(told)


@pytest.mark.parametrize(
    ("best", "told"),
    [(None, "no epoch had a finite val/elbo"), (-1.07e13, "the best val/elbo of all epochs is -1.07e+13"), (-7e5, "")],
)
def test_a_run_without_an_epoch_that_means_anything_is_not_tested(best: float | None, told: str) -> None:
    if not told:
        assert check_sane(best, "val/elbo", num_pixels=784) == best
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
    with pytest.raises(DivergenceError, match=r"after step 7 \(epoch 2\)"):
        check_finite_state(module, trainer)
