"""Grey and colour become binary only where that is the practice of the literature, or where it is asked for."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from omegaconf import DictConfig

from helpers import commands
from helpers.composed import composed
from helpers.image_files import pixels
from vae_lab import build
from vae_lab.configuration.check import check, check_new
from vae_lab.data.image_set import ImageSet, Split, Splits
from vae_lab.errors import UserError
from vae_lab.runs.saved_data import read_named

SMALL = ("latent_dim=2", "model.hidden_sizes=[4]", "trainer.max_epochs=1", "nll_samples=1", "logger=none")


class OfTheUser(ImageSet):
    """A data set in the user's own code, whose last test image may have one grey pixel."""

    def __init__(self, level: int) -> None:
        self.level = level

    def load(self) -> Splits:
        images = 255 * (torch.arange(12 * 20).reshape(12, 1, 4, 5) % 2).byte()
        images[-1, 0, -1, -1] = self.level
        parts = (Split(part, torch.zeros(4, dtype=torch.int64)) for part in images.split(4))
        return Splits(*parts)


def own(level: int, *overrides: str) -> DictConfig:
    config = composed("data=digits", *overrides)
    kept = {key: config.data[key] for key in ("batch_size", "binarize", "dequantize", "leave_out", "num_train")}
    config.data = {"_target_": f"{__name__}.OfTheUser", "level": level, **kept}
    return config


@pytest.mark.parametrize("overrides", [[], ["likelihood=bernoulli"], ["data.batch_size=3"]])
def test_one_grey_pixel_needs_a_word(overrides: list[str]) -> None:
    assert build.data(own(0, *overrides)).treatment == "dynamic"
    with pytest.raises(UserError, match=r"OfTheUser: its pixels are .*likelihood=gaussian_optimal .*binarize=dynamic"):
        build.data(own(1, *overrides))


@pytest.mark.parametrize(
    ("override", "treatment"),
    [("data.binarize=dynamic", "dynamic"), ("data.binarize=threshold", "threshold"), ("likelihood=laplace", "none")],
)
def test_a_word_is_enough(override: str, treatment: str) -> None:
    assert build.data(own(1, override)).treatment == treatment


def test_a_saved_run_is_read_as_it_was_trained() -> None:
    """Version 0.2 binarised without a word."""
    assert read_named(own(1)).treatment == "dynamic"


@pytest.mark.parametrize("name", ["cifar10", "frey_faces"])
def test_photographs_are_refused_before_they_are_read(name: str) -> None:
    config = composed(f"data={name}")
    check(config)  # as a saved run is checked
    with pytest.raises(UserError, match=rf"^data={name}: its pixels are levels"):
        check_new(config)
    check_new(composed(f"data={name}", "likelihood=gaussian_optimal"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("images", "word"), [(pixels(30, 8, 8, 3), "likelihood=bernoulli"), (pixels(30, 8, 8) > 99, "data.binarize=auto")]
)
def test_the_command_trains_or_says_what_to_add(images: Any, word: str, tmp_path: Path) -> None:
    np.save(tmp_path / "images.npy", images)
    given = ["data=arrays", f"data.path={tmp_path}/images.npy", "callbacks={}", f"hydra.run.dir={tmp_path}/run", *SMALL]
    done = commands.train(*given, word)
    if images.ndim == 4:
        assert done.returncode == 1
        assert done.stderr.count("\n") == 1
        assert done.stderr.startswith("data=arrays: its pixels are levels of grey or colour")
        assert not (tmp_path / "run" / "checkpoints").exists()
    else:
        assert done.returncode == 0, done.stderr
