"""What is said about finished runs, on made cases."""

import re
from typing import Any

import pytest

from vae_lab.training.diagnosis import diagnose

SOUND: dict[str, Any] = {
    "test/elbo": -100.6,
    "test/nll": 96.0,
    "test/rate": 27.4,
    "epoch": 3,
    "epoch/chosen_by": "val/elbo",
}


@pytest.mark.parametrize(
    ("metrics", "last", "said"),
    [
        ({}, -101.0, {}),
        ({}, None, {}),
        ({"test/nll": 7e5, "test/elbo": -7e5}, -7e5, {}),  # 893 nats per pixel value: bad, and possible
        ({"test/nll": 3e6}, -101.0, {"divergence": "test/nll=3e.06 nats per image is beyond what 784 pixel values"}),
        ({"test/elbo": float("nan")}, -101.0, {"divergence": "test/elbo=nan nats per image is beyond"}),
        (
            {},
            -3e6,
            {"divergence": "training diverged after epoch 4, which the metrics are of: in the last epoch .*3e.06"},
        ),
        ({}, float("-inf"), {"divergence": "training diverged after epoch 4"}),
        ({"test/rate": 0.06}, -101.0, {"collapse": "at a rate of 0.060 nats the codes say almost nothing"}),
        ({"epoch": 0}, -101.0, {"first_epoch": "the first of 20 epochs is the best by val/elbo.*choose_epoch_by=last"}),
        (
            {"epoch": 19},
            -101.0,
            {"last_epoch": "the last of 20 epochs is the best by val/elbo.*raise trainer.max_epochs"},
        ),
        ({"epoch": 19, "epoch/chosen_by": "last"}, -101.0, {}),
        ({"epoch": 0}, -3e6, {"divergence": "training diverged after epoch 1"}),
        ({"epoch": 0, "test/rate": 0.0}, -101.0, {"first_epoch": "hardly trained", "collapse": "posterior collapse"}),
    ],
)
def test_what_is_said_about_a_run(metrics: dict[str, Any], last: float | None, said: dict[str, str]) -> None:
    notes = diagnose({**SOUND, **metrics}, last, num_pixels=784, num_epochs=20)
    assert notes.keys() == said.keys()
    for name, pattern in said.items():
        assert re.search(pattern, notes[name]), notes[name]


def test_one_epoch_is_neither_the_first_nor_the_last() -> None:
    assert not diagnose({**SOUND, "epoch": 0}, -101.0, num_pixels=784, num_epochs=1)


def test_a_model_without_a_rate_has_not_collapsed() -> None:
    metrics = {name: value for name, value in SOUND.items() if name != "test/rate"}
    assert not diagnose(metrics, -101.0, num_pixels=784, num_epochs=20)
