"""A run and a sweep that vae_lab 0.1 wrote: they load, resume, are measured and reported as those of today."""

import shutil
from pathlib import Path

import pytest
import torch
from hydra.utils import get_object

import vae_lab
from helpers import commands
from vae_lab.runs.aliases import CLASSES, current_name

SAVED = Path(__file__).parent / "data" / "saved_by_0_1"


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """A copy of the folders, to be written into."""
    return Path(shutil.copytree(SAVED, tmp_path / "saved"))


def test_loads() -> None:
    trained = vae_lab.load(SAVED / "run")
    assert trained.config.latent_dim == 2
    images = torch.rand(3, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    assert trained.reconstruct(images).shape == images.shape


@pytest.mark.slow
def test_is_measured(saved: Path) -> None:
    done = commands.evaluate(f"run={saved / 'run'}", "measure=[bounds]", "device=cpu")
    assert done.returncode == 0, done.stderr
    assert (saved / "run" / "evaluation.json").is_file()


@pytest.mark.slow
def test_resumes(saved: Path) -> None:
    done = commands.train(f"resume={saved / 'run'}", "trainer.max_epochs=3")
    assert done.returncode == 0, done.stderr
    assert commands.metrics(saved / "run")["epoch"] in (0, 1, 2)
    vae_lab.load(saved / "run")


@pytest.mark.slow
def test_is_reported(saved: Path) -> None:
    done = commands.run("report", f"sweep=[{saved / 'sweep'},{saved / 'run'}]", f"out={saved / 'report'}")
    assert done.returncode == 0, done.stderr
    table = (saved / "report" / "report.csv").read_text()
    assert len(table.splitlines()) == 1 + 3
    assert "-62.7" in table


@pytest.mark.slow
def test_a_sweep_goes_on(saved: Path) -> None:
    """The command of the sweep, repeated with one value more, trains that one only."""
    before = (saved / "sweep" / "0" / "metrics.json").read_bytes()
    done = commands.train(
        *("-m", "sweep=beta", "size=smoke", "trainer=cpu", "latent_dim=2", "model.hidden_sizes=[8]"),
        *("objective.beta=0.5,2,3", "seed=0", "trainer.max_epochs=1", "nll_samples=5", "callbacks.progress=null"),
        f"hydra.sweep.dir={saved / 'sweep'}",
    )
    assert done.returncode == 0, done.stderr
    assert (saved / "sweep" / "0" / "metrics.json").read_bytes() == before
    assert (saved / "sweep" / "2" / "metrics.json").is_file()


@pytest.mark.parametrize("target", (SAVED / "targets.txt").read_text().split())
def test_every_name_of_then_leads_to_its_class_of_today(target: str) -> None:
    assert get_object(current_name(target)).__name__ == CLASSES.get(target, target).rpartition(".")[2]
