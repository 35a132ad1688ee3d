"""A person sees how far a training is, on a terminal and in a file."""

import os
import pty
import subprocess
import sys
import termios
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from helpers.commands import REPOSITORY
from vae_lab.training.progress import Pace, name_of_epoch

RUN = ("data=digits", "trainer=cpu", "trainer.max_epochs=3", "latent_dim=2", "callbacks.figures=null")


@pytest.mark.parametrize(("epoch", "of", "name"), [(0, 20, "epoch 1 of 20"), (4, -1, "epoch 5"), (4, None, "epoch 5")])
def test_epochs_are_counted_from_one(epoch: int, of: int | None, name: str) -> None:
    trainer: Any = SimpleNamespace(current_epoch=epoch, max_epochs=of)
    assert name_of_epoch(trainer) == name


def test_the_time_left_is_that_of_all_epochs(monkeypatch: pytest.MonkeyPatch) -> None:
    trainer: Any = SimpleNamespace(current_epoch=5, max_epochs=20)  # resumed after five epochs
    pace = Pace(trainer)
    monkeypatch.setattr(time, "monotonic", lambda: pace.begin + 700)
    assert pace.time_left(trainer, 5) == "", "nothing is known yet"
    assert pace.time_left(trainer, 7) == ", 1:15:50 left"  # 13 epochs of 350 s
    assert pace.time_left(trainer, 20) == ""


def train(run_dir: Path, stdout: int, *overrides: str) -> int:
    command = [sys.executable, "-m", "vae_lab.train", *RUN, *overrides, f"hydra.run.dir={run_dir}"]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY / "src")}
    return subprocess.run(command, stdout=stdout, stderr=subprocess.DEVNULL, env=environment, timeout=300).returncode


def lines_of(text: str) -> list[str]:
    return [line.partition(":")[0].partition(",")[0] for line in text.splitlines() if line.startswith("epoch ")]


EPOCHS = ["epoch 1 of 3", "epoch 2 of 3", "epoch 3 of 3"]


@pytest.mark.slow
@pytest.mark.parametrize("overrides", [(), ("callbacks.progress=null",)])
def test_a_file_gets_a_line_an_epoch(tmp_path: Path, overrides: tuple[str, ...]) -> None:
    printed = tmp_path / "printed.txt"
    with printed.open("w") as file:
        assert train(tmp_path / "run", file.fileno(), *overrides) == 0
    for path in (printed, tmp_path / "run" / "train.log"):
        found = path.read_text()
        assert [line for line in found.splitlines() if "epoch " in line and "val/elbo=" in line], found
        assert "it/s" not in found
        assert sum(each in found for each in EPOCHS) == 3
    assert lines_of(printed.read_text()) == EPOCHS


@pytest.mark.slow
def test_a_terminal_gets_a_bar_and_the_log_its_lines(tmp_path: Path) -> None:
    main, other = pty.openpty()
    termios.tcsetwinsize(other, (24, 120))
    process_output = b""
    pid = os.fork()
    if pid == 0:
        os._exit(train(tmp_path / "run", other))
    os.close(other)
    try:
        while chunk := os.read(main, 65536):
            process_output += chunk
    except OSError:  # the other end is closed
        pass
    _, status = os.waitpid(pid, 0)
    assert status == 0
    printed = process_output.decode(errors="replace")
    assert "epoch 3 of 3" in printed
    assert "it/s" in printed
    assert "0:00:00 left" in printed
    log = (tmp_path / "run" / "train.log").read_text()
    assert all(each in log for each in EPOCHS)
