"""A run of two processes ends as a whole, whichever of them is told to or killed, and goes on where it was."""

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from helpers import commands
from helpers.resuming import SETTINGS, state, stop, timeless, trained

pytestmark = pytest.mark.slow

TWO = (*(each for each in SETTINGS if each != "trainer=cpu"), "trainer=ddp", "trainer.accelerator=cpu")
TWO = (*TWO, "trainer.devices=2", "nll_samples=2", "~callbacks.figures", "callbacks.progress=null")


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that nothing interrupts."""
    return trained(tmp_path_factory.mktemp("whole"), *TWO)


@pytest.fixture(autouse=True)
def hang_up() -> Iterator[None]:
    """SIGHUP ends what is started here, also where these tests themselves were told to ignore it (by nohup)."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


def ended(run_dir: Path, name: str, **whom: int | str) -> tuple[int, str]:
    """The status of a run that got a signal in batch 25, and what it printed, once all its processes have ended."""
    done = commands.run_as_group("train", *TWO, *stop(25, name, **whom), f"hydra.run.dir={run_dir}")
    assert time.time() - (run_dir / "signal.txt").stat().st_mtime < 15
    return done.returncode, done.stderr


@pytest.mark.parametrize(
    ("whom", "name", "status"),
    [({"rank": 1}, "SIGTERM", 143), ({"rank": 1, "to": "main"}, "SIGHUP", 129)],
)
def test_saves_its_state_and_goes_on(
    uninterrupted: Path, tmp_path: Path, whom: dict[str, int | str], name: str, status: int
) -> None:
    line = f"interrupted; to go on: python -m vae_lab.train resume={tmp_path}\n"
    assert ended(tmp_path, name, **whom) == (status, line)
    step = torch.load(tmp_path / "checkpoints" / "last.ckpt", weights_only=True)["global_step"]
    assert step in (26, 27), "they agree on a step that none of them has passed"
    assert commands.train(f"resume={tmp_path}", "callbacks.stop=null").returncode == 0
    torch.testing.assert_close(state(tmp_path), state(uninterrupted), rtol=0, atol=0)
    assert timeless(tmp_path) == timeless(uninterrupted)


@pytest.mark.parametrize(
    ("rank", "status", "told"),
    [(1, 1, "process 1 of 2 was killed by signal 9 (SIGKILL)"), (0, -9, "the first process of this run has ended")],
)
def test_a_killed_process_ends_the_other(tmp_path: Path, rank: int, status: int, told: str) -> None:
    line = f"{told}; to go on: python -m vae_lab.train resume={tmp_path}\n"
    assert ended(tmp_path, "SIGKILL", rank=rank) == (status, line)
    assert torch.load(tmp_path / "checkpoints" / "last.ckpt", weights_only=True)["global_step"] == 20
