"""One run by several processes: the same figures as by one, in one folder."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from helpers import commands
from vae_lab.configuration.processes import RANKS, is_first

TWO = ("trainer=ddp", "trainer.accelerator=cpu", "trainer.devices=2")

SETTINGS = ("data=digits", "trainer.max_epochs=1", "trainer.log_every_n_steps=5", "callbacks.progress=null")

# Nothing of it depends on noise, of which every process has its own.
DETERMINISTIC = ("likelihood=squared_error", "data.dequantize=none", "posterior=delta", "objective=autoencoder")


@pytest.mark.slow
def test_two_processes_share_the_work(tmp_path: Path) -> None:
    """Every rank takes half of each batch; the figures are sums over both."""
    done = commands.train(*SETTINGS, *TWO, f"hydra.run.dir={tmp_path}")
    assert done.returncode == 0, done.stderr
    metrics = commands.metrics(tmp_path)
    assert metrics["test/elbo"] == pytest.approx(-(metrics["test/rate"] + metrics["test/distortion"]), abs=1e-4)
    assert torch.load(tmp_path / "checkpoints" / "last.ckpt", weights_only=True)["global_step"] == 9


@pytest.mark.slow
def test_the_figures_are_those_of_one_process(tmp_path: Path) -> None:
    """The same batches, shared out by torchrun, and figures that are means over all images of both."""
    alone, shared = tmp_path / "alone", tmp_path / "shared"
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2", "-m", "vae_lab.train"]
    done = subprocess.run(
        [*torchrun, *SETTINGS, *DETERMINISTIC, *TWO, f"hydra.run.dir={shared}"],
        cwd=commands.REPOSITORY,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert commands.train(*SETTINGS, *DETERMINISTIC, "trainer=cpu", f"hydra.run.dir={alone}").returncode == 0
    ours, theirs = commands.metrics(shared), commands.metrics(alone)
    assert ours.keys() == theirs.keys()
    for key in ("val/distortion", "test/distortion"):
        assert ours[key] == pytest.approx(theirs[key], rel=1e-5)
    weights, others = (
        torch.load(run_dir / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]
        for run_dir in (shared, alone)
    )
    # Adam makes a step of size lr out of a gradient that is all rounding.
    torch.testing.assert_close(weights, others, rtol=1e-2, atol=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("size", ["WORLD_SIZE", "SLURM_STEP_NUM_TASKS"])
@pytest.mark.parametrize(("arguments", "key"), [([], "hydra.run.dir"), (["-m", "seed=0,1"], "hydra.sweep.dir")])
def test_processes_without_a_common_folder_are_refused(size: str, arguments: list[str], key: str) -> None:
    done = commands.light("train", *arguments, "data=digits", **{size: "2"})
    assert done.stderr.startswith(f"{size}=2: ")
    assert f"{key}=DIR" in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("places", "first"),
    [
        ({}, True),
        ({"RANK": "0", "LOCAL_RANK": "0"}, True),
        ({"RANK": "2", "LOCAL_RANK": "0"}, False),
        ({"SLURM_PROCID": "1", "LOCAL_RANK": "0"}, False),
        ({"NODE_RANK": "1"}, False),
    ],
)
def test_one_process_writes(places: dict[str, str], first: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in RANKS:
        monkeypatch.delenv(name, raising=False)
    for name, place in places.items():
        monkeypatch.setenv(name, place)
    assert is_first() is first
