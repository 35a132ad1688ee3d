"""Sweeps whose processes are told to end or killed: all of them end, and the same command goes on."""

import time
from pathlib import Path

import pytest

from helpers import commands
from helpers.resuming import stop

pytestmark = pytest.mark.slow

SMALL = ("data=digits", "data.batch_size=32", "trainer=cpu", "model.hidden_sizes=[16]", "nll_samples=2")
QUIET = ("~callbacks.figures", "callbacks.progress=null", "logger=none")
SWEEP = ("-m", *SMALL, *QUIET, "trainer.max_epochs=2", "checkpoint_every_n_steps=10", "seed=0,1,2")
TWO = ("launcher=processes", "hydra.launcher.n_jobs=2")


def ended(sweep_dir: Path, *arguments: str) -> tuple[int, str]:
    """The status of a sweep that is interrupted, and what it printed, once all its processes have ended."""
    done = commands.run_as_group("train", *SWEEP, *arguments, f"hydra.sweep.dir={sweep_dir}")
    (sent,) = sweep_dir.glob("*/signal.txt")
    assert time.time() - sent.stat().st_mtime < 30
    return done.returncode, done.stderr


def finished(sweep_dir: Path) -> list[str]:
    return sorted(path.parent.name for path in sweep_dir.glob("*/metrics.json"))


@pytest.mark.parametrize(
    ("launcher", "told"),
    [(TWO, "was killed by signal 9 (SIGKILL)"), (["launcher=submitit_local"], "has ended without a result")],
    ids=["processes", "submitit"],
)
def test_a_job_whose_process_is_killed_has_failed_and_the_others_go_on(
    tmp_path: Path, launcher: list[str], told: str
) -> None:
    status, err = ended(tmp_path, *launcher, *stop(45, "SIGKILL", job=0))
    assert (status, err) == (1, f"1 of the sweep's jobs failed; see {tmp_path / '0' / 'failed.txt'}\n")
    assert (tmp_path / "0" / "failed.txt").read_text().startswith(f"its process {told}")
    assert f"- 0 (seed=0): failed: its process {told}" in (tmp_path / "report.md").read_text()
    assert finished(tmp_path) == ["1", "2"]

    again = commands.train(*SWEEP, *launcher, *stop(45, "SIGKILL", job=0), f"hydra.sweep.dir={tmp_path}")
    assert again.returncode == 0, again.stderr
    (log,) = tmp_path.glob("0/*.log")
    assert "interrupted before, resumed" in log.read_text()
    assert finished(tmp_path) == ["0", "1", "2"]


@pytest.mark.parametrize(
    ("launcher", "to", "name", "status"),
    [
        pytest.param(TWO, "main", "SIGTERM", 143, id="processes, asked to stop"),
        pytest.param(TWO, "main", "SIGKILL", -9, id="processes, killed"),
        pytest.param([], "own", "SIGHUP", 129, id="one after the other"),
        pytest.param(["launcher=submitit_local"], "group", "SIGINT", 130, id="submitit, Ctrl-C"),
        pytest.param(["launcher=submitit_local"], "main", "SIGKILL", -9, id="submitit, killed"),
        pytest.param([*TWO, "search=mlp", "hydra.sweeper.n_jobs=2"], "group", "SIGINT", 130, id="search"),
    ],
)
def test_all_processes_end(tmp_path: Path, launcher: list[str], to: str, name: str, status: int) -> None:
    line = f"interrupted; to go on with the sweep, repeat the same command with hydra.sweep.dir={tmp_path}\n"
    assert ended(tmp_path, *launcher, *stop(45, name, to=to, job=0)) == (status, "" if name == "SIGKILL" else line)
    assert (tmp_path / "0" / "checkpoints" / "last.ckpt").is_file()
    assert not list(tmp_path.glob("*/failed.txt")), "it was interrupted, and has not failed"
