"""The door of a run's folder: two runs never mix, and what is recorded is true at every moment."""

import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from omegaconf import OmegaConf

from helpers import commands
from helpers.resuming import SETTINGS, state, stop, timeless, trained
from vae_lab.reports.report import write_report

pytestmark = pytest.mark.slow

SMALL = (*SETTINGS, "model.hidden_sizes=[16]", "nll_samples=2", "callbacks.progress=null", "callbacks.figures=null")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of three epochs; its folder also holds a file of somebody else."""
    return trained(tmp_path_factory.mktemp("whole"), *SMALL)


def epochs_recorded(run_dir: Path) -> tuple[int, int]:
    """The epochs of the configuration, and of the metrics."""
    return OmegaConf.load(run_dir / ".hydra" / "config.yaml").trainer.max_epochs, timeless(run_dir)["max_epochs"]


def test_of_two_runs_that_start_in_one_folder_one_is_told(tmp_path: Path) -> None:
    def start(size: int) -> "subprocess.Popen[str]":
        own = (*SMALL, f"latent_dim={size}", f"hydra.run.dir={tmp_path}")
        command = [sys.executable, "-m", "vae_lab.train", *own]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    started = {size: start(size) for size in (2, 3)}
    told = {size: process.communicate()[1] for size, process in started.items()}
    (winner,) = [size for size, process in started.items() if process.returncode == 0]
    (refused,) = set(started) - {winner}
    assert started[refused].returncode == 1
    assert len(told[refused].splitlines()) == 1
    assert f"process {started[winner].pid} on " in told[refused] or "this folder holds a run" in told[refused]
    assert OmegaConf.load(tmp_path / ".hydra" / "config.yaml").latent_dim == winner


def test_a_folder_that_holds_a_run_is_refused_or_replaced(whole: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(whole, folder)
    (folder / "figures").mkdir()
    (folder / "figures" / "mine.png").write_text("mine")
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    refused = commands.train(*SMALL, "latent_dim=5", f"hydra.run.dir={folder}")
    assert (refused.returncode, len(refused.stderr.splitlines())) == (1, 1)
    assert "holds a run" in refused.stderr
    assert "overwrite=true" in refused.stderr
    assert {path: path.read_bytes() for path in before} == before
    replaced = commands.train(*SMALL, "latent_dim=5", "logger=none", "overwrite=true", f"hydra.run.dir={folder}")
    assert replaced.returncode == 0, replaced.stderr
    assert (folder / "figures" / "mine.png").read_text() == "mine"
    assert not list(folder.glob("events*"))
    assert OmegaConf.load(folder / ".hydra" / "config.yaml").latent_dim == 5


def test_a_record_changes_only_when_it_is_true(whole: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    done = commands.train(*SMALL, "trainer.max_epochs=1", f"hydra.run.dir={folder}")
    assert done.returncode == 0, done.stderr
    metrics, best = (folder / "metrics.json").read_bytes(), (folder / "checkpoints" / "best.ckpt").read_bytes()
    longer = (f"resume={folder}", "trainer.max_epochs=3")
    refused = commands.train(*longer, "data.batch_size=16")
    assert refused.returncode == 1
    killed = commands.train(*longer, *stop(90, "SIGKILL"))  # in the third epoch
    assert killed.returncode == -9
    assert (folder / "metrics.json").read_bytes() == metrics
    assert (folder / "checkpoints" / "best.ckpt").read_bytes() == best, "which the metrics are of"
    assert epochs_recorded(folder) == (1, 1)
    assert "trainer.max_epochs" not in write_report([folder], tmp_path / "report")
    resumed = commands.train(f"resume={folder}")  # for three epochs, as it was told
    assert resumed.returncode == 0, resumed.stderr
    assert epochs_recorded(folder) == (3, 3)
    torch.testing.assert_close(state(folder), state(whole), rtol=0, atol=0)
    assert timeless(folder) == timeless(whole)


def test_weights_are_not_read_under_another_runs_settings(whole: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(whole, folder)
    config = OmegaConf.load(folder / ".hydra" / "config.yaml")
    config.optimizer.lr = 0.5
    OmegaConf.save(config, folder / ".hydra" / "config.yaml")
    for refused in (
        commands.train(f"resume={folder}", "trainer.max_epochs=4"),
        commands.evaluate(f"run={folder}", "measure=[nll]"),
    ):
        assert (refused.returncode, len(refused.stderr.splitlines())) == (1, 1)
        assert "trained with other settings" in refused.stderr


def test_a_run_that_diverged_goes_on_from_its_last_good_state(tmp_path: Path) -> None:
    poison = ("+callbacks.poison._target_=helpers.interrupt.PoisonAt", "+callbacks.poison.batch=50")
    quiet = "trainer.log_every_n_steps=1000"  # so that no loss is looked at
    done = commands.train(*SMALL, *poison, quiet, f"hydra.run.dir={tmp_path}")
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert f"resume={tmp_path} optimizer.lr=0.0001" in done.stderr
    assert all(value.isfinite().all() for value in state(tmp_path)["weights"].values())
    cured = commands.train(f"resume={tmp_path}", "optimizer.lr=0.0001", "callbacks.poison=null")
    assert cured.returncode == 0, cured.stderr
    assert state(tmp_path)["optimizer"][0]["param_groups"][0]["lr"] == 0.0001
    assert timeless(tmp_path)["changes"].startswith("optimizer.lr=0.0001 instead of 0.001 after: training diverged")
    assert "optimizer.lr=0.0001 instead of 0.001" in cured.stdout
    refused = commands.train(f"resume={tmp_path}", "optimizer.lr=0.01", "trainer.max_epochs=9")
    assert "this would change the result" in refused.stderr


def test_nothing_is_removed_before_all_may_be_written(whole: Path, tmp_path: Path) -> None:
    folder, outside = Path(shutil.copytree(whole, tmp_path / "run")), tmp_path / "outside.yaml"
    shutil.move(folder / ".hydra" / "overrides.yaml", outside)
    (folder / ".hydra" / "overrides.yaml").symlink_to(outside)
    done = commands.light("train", *SMALL, f"hydra.run.dir={folder}", "overwrite=true")
    assert "overrides.yaml: this is a link" in done.stderr
    assert (folder / "metrics.json").is_file()
    assert (folder / "checkpoints" / "best.ckpt").is_file()


@pytest.mark.parametrize("link", ["train.log", "checkpoints", "hparams.yaml"])
def test_a_link_leads_nowhere(whole: Path, link: str, tmp_path: Path) -> None:
    """Hydra and TensorBoard would write through it."""
    folder, outside = Path(shutil.copytree(whole, tmp_path / "run")), tmp_path / "outside"
    shutil.move(folder / link, outside)
    (folder / link).symlink_to(outside)
    before = outside.stat().st_mtime_ns
    done = commands.light("train", f"resume={folder}", "trainer.max_epochs=4")
    assert f"{link}: this is a link" in done.stderr
    assert outside.stat().st_mtime_ns == before


def test_a_full_disk_is_one_line_and_loses_nothing(whole: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(whole, tmp_path / "run"))
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.suffix in (".ckpt", ".json", ".yaml")}
    command = [sys.executable, "-m", "vae_lab.train", f"resume={folder}", "trainer.max_epochs=4"]
    limited = ["bash", "-c", f"ulimit -f 20; {shlex.join(command)}"]  # files of 20 KiB, which a checkpoint is not
    done = subprocess.run(limited, capture_output=True, text=True, check=False)
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1), done.stderr
    assert "best.next.ckpt: file too large" in done.stderr or "last.ckpt: file too large" in done.stderr
    assert f"resume={folder}" in done.stderr
    assert {path: path.read_bytes() for path in before if path.name not in ("run.json", "written.json")}.items() <= (
        before.items()
    )


def test_absurd_metrics_are_told(tmp_path: Path) -> None:
    settings = ("likelihood=gaussian", "optimizer.lr=10", "trainer.max_epochs=1", "optimizer._target_=torch.optim.SGD")
    done = commands.train(*SMALL, *settings, f"hydra.run.dir={tmp_path}")
    assert "training diverged" in done.stdout + done.stderr
