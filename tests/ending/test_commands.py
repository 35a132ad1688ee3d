"""Commands that are told to end at any moment, or whose output nobody reads: one line at most, and no traceback."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from helpers import commands

pytestmark = pytest.mark.slow


@contextmanager
def started(command: str, *arguments: str) -> Iterator["subprocess.Popen[str]"]:
    """A command in a process."""
    with subprocess.Popen(
        [sys.executable, "-m", f"vae_lab.{command}", *arguments],
        cwd=commands.REPOSITORY,
        env={**os.environ, "PYTHONPATH": str(commands.REPOSITORY / "src")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def handles(process: "subprocess.Popen[str]", number: signal.Signals) -> bool:
    """Whether a process handles a signal; Python by itself handles only SIGINT, by a traceback."""
    caught = next(line for line in Path(f"/proc/{process.pid}/status").read_text().splitlines() if "SigCgt" in line)
    return bool(int(caught.split()[1], 16) & 1 << (number - 1))


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="nothing tells when a process handles a signal")
@pytest.mark.parametrize("seconds", [0, 0.1, 0.3, 0.6, 1.2])
@pytest.mark.parametrize("command", ["gradient_variance", "train"])
def test_ends_while_it_imports(command: str, seconds: float) -> None:
    with started(command, "data=digits" if command == "train" else "--help") as process:
        while not handles(process, signal.SIGTERM):
            time.sleep(0.001)
        time.sleep(seconds)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
    assert process.returncode in (130, 0), "--help may have ended before"
    assert err in ("", "interrupted before anything was written; to begin again, repeat the command\n")


@pytest.mark.parametrize("arguments", [["--help"], ["--cfg", "all"], ["--info"]])
def test_ends_with_its_reader(arguments: list[str]) -> None:
    with started("train", *arguments) as process:
        assert process.stdout is not None
        process.stdout.read(1)
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == ""
        assert process.wait(timeout=20) in (0, 141)


def test_training_saves_its_state_when_nobody_reads_its_output(tmp_path: Path) -> None:
    bar = "callbacks.progress._target_=lightning.pytorch.callbacks.TQDMProgressBar"
    with started("train", "data=digits", "trainer=cpu", bar, f"hydra.run.dir={tmp_path}") as process:
        assert process.stdout is not None
        while "Epoch 1" not in process.stdout.readline():
            pass
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == f"interrupted; to go on: python -m vae_lab.train resume={tmp_path}\n"
        assert process.wait(timeout=20) == 141
    assert (tmp_path / "checkpoints" / "last.ckpt").is_file()
