"""An interrupted run, resumed, ends bit-identical to one that was never interrupted."""

import shutil
from pathlib import Path

import pytest
import torch

from helpers import commands
from helpers.resuming import SETTINGS, resumed_after_kill, state, stop, timeless, trained
from helpers.tensorboard import shown

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that nothing interrupts."""
    return trained(tmp_path_factory.mktemp("whole"), *SETTINGS)


@pytest.mark.parametrize(
    ("batch", "signal", "status", "saved"),
    [
        pytest.param(25, "SIGINT", 130, 25, id="stopped by Ctrl-C inside an epoch"),
        pytest.param(37, "SIGKILL", -9, 30, id="killed before the validation"),
        pytest.param(38, "SIGKILL", -9, 37, id="killed just after the checkpoint of an epoch"),
        pytest.param(94, "SIGKILL", -9, 84, id="killed in the last epoch"),
        pytest.param(50, "SIGTERM", 143, 50, id="asked to stop"),
    ],
)
def test_ends_bit_identical(
    uninterrupted: Path, tmp_path: Path, batch: int, signal: str, status: int, saved: int
) -> None:
    interrupted = commands.train(*SETTINGS, *stop(batch, signal), f"hydra.run.dir={tmp_path}")
    assert interrupted.returncode == status, interrupted.stderr
    assert not (tmp_path / "metrics.json").exists()
    assert torch.load(tmp_path / "checkpoints" / "last.ckpt", weights_only=True)["global_step"] == saved

    resumed = commands.train(f"resume={tmp_path}", "callbacks.stop=null")
    assert resumed.returncode == 0, resumed.stderr
    torch.testing.assert_close(state(tmp_path), state(uninterrupted), rtol=0, atol=0)
    assert timeless(tmp_path) == timeless(uninterrupted)
    assert shown(tmp_path) == shown(uninterrupted)


@pytest.mark.parametrize(
    "interruption",
    [
        pytest.param(stop(9, "SIGKILL"), id="before the first checkpoint"),
        pytest.param(
            ("+callbacks.stop._target_=helpers.interrupt.KillAfterValidation", "+callbacks.stop.epoch=1"),
            id="between a validation and its checkpoint",
        ),
    ],
)
def test_tensorboard_shows_no_point_twice(uninterrupted: Path, tmp_path: Path, interruption: tuple[str, ...]) -> None:
    command = (*SETTINGS, *interruption, f"hydra.run.dir={tmp_path}")
    assert commands.train(*command).returncode == -9
    has_checkpoint = (tmp_path / "checkpoints" / "last.ckpt").is_file()
    again = commands.train(*([f"resume={tmp_path}", "callbacks.stop=null"] if has_checkpoint else command))
    assert again.returncode == 0, again.stderr
    assert shown(tmp_path) == shown(uninterrupted)


def test_a_schedule_goes_on_where_it_was(tmp_path: Path) -> None:
    settings = ("trainer.max_epochs=2", "objective=beta_warmup", "objective.beta.steps=60")
    assert resumed_after_kill(tmp_path, *settings)["weights"]["objective.beta.step"] == 2 * 37


def test_tests_a_run_that_was_killed_after_its_training(uninterrupted: Path, tmp_path: Path) -> None:
    shutil.copytree(uninterrupted, tmp_path / "run")
    (tmp_path / "run" / "metrics.json").unlink()
    resumed = commands.train(f"resume={tmp_path / 'run'}")
    assert resumed.returncode == 0, resumed.stderr
    assert timeless(tmp_path / "run") == timeless(uninterrupted)
    assert commands.metrics(tmp_path / "run")["train_seconds"] == pytest.approx(
        commands.metrics(uninterrupted)["train_seconds"], rel=0.2
    ), "the time before the interruption counts"


@pytest.mark.parametrize("part", ["loops", "state_dict"])
def test_a_state_that_cannot_be_restored_is_one_line(uninterrupted: Path, tmp_path: Path, part: str) -> None:
    shutil.copytree(uninterrupted, tmp_path / "run")
    last = tmp_path / "run" / "checkpoints" / "last.ckpt"
    state = torch.load(last, weights_only=True)
    state[part] = "text" if part == "loops" else {**state[part], "\x1b[2Junknown": torch.ones(1)}
    torch.save(state, last)
    resumed = commands.train(f"resume={tmp_path / 'run'}", "trainer.max_epochs=4")
    assert (resumed.returncode, len(resumed.stderr.splitlines())) == (1, 1), resumed.stderr
    assert resumed.stderr.startswith(f"{last}: the training cannot be restored from it")
    assert "\x1b" not in resumed.stderr


def test_trains_longer(uninterrupted: Path, tmp_path: Path) -> None:
    """A finished run, trained on, is a run that was to train longer from the start."""
    shorter = [setting for setting in SETTINGS if "max_epochs" not in setting]
    assert commands.train(*shorter, "trainer.max_epochs=2", f"hydra.run.dir={tmp_path}").returncode == 0
    refused = commands.train(f"resume={tmp_path}", "trainer.max_epochs=1")
    assert "expected a whole number of at least" in refused.stderr
    longer = commands.train(f"resume={tmp_path}", "trainer.max_epochs=3")
    assert longer.returncode == 0, longer.stderr
    torch.testing.assert_close(state(tmp_path), state(uninterrupted), rtol=0, atol=0)
    assert timeless(tmp_path) == timeless(uninterrupted)


def test_a_folder_without_a_run_is_one_line(tmp_path: Path) -> None:
    done = commands.train(f"resume={tmp_path}")
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
    assert "there is no run in this folder" in done.stderr
