"""What TensorBoard shows is what was logged."""

from pathlib import Path

import pytest

from helpers import commands
from helpers.tensorboard import shown

pytestmark = pytest.mark.slow

SHORT = ("data=digits", "latent_dim=2", "trainer=cpu", "trainer.max_epochs=5", "callbacks.figures.every_n_epochs=1")


def test_the_row_of_an_early_epoch_leaves_the_curves_whole(tmp_path: Path) -> None:
    """With almost no weight on the rate, the best plain ELBO is that of an early epoch."""
    settings = (*SHORT, "objective=beta", "objective.beta=0.001", "choose_epoch_by=elbo", f"hydra.run.dir={tmp_path}")
    done = commands.train(*settings)
    assert done.returncode == 0, done.stderr
    metrics, points = commands.metrics(tmp_path), shown(tmp_path)
    assert metrics["epoch"] < 4
    steps = [9 * epoch for epoch in range(1, 6)]
    for tag in ("val/elbo", "val/rate", "val/distortion", "epoch", "reconstructions"):
        assert [step for step, _ in points[tag]] == steps, tag
    assert points["chosen/val/elbo"] == [(45, pytest.approx(metrics["val/elbo"]))]
    assert points["val/elbo"][metrics["epoch"]][1] == pytest.approx(metrics["val/elbo"])
    assert [step for step, _ in points["train/loss"]] == [45], "fewer steps than a window of the log"


def test_another_logger_gets_the_same_and_no_dashboard_is_named(tmp_path: Path) -> None:
    done = commands.train(*SHORT, "logger=csv", "trainer.max_epochs=1", f"hydra.run.dir={tmp_path}")
    assert done.returncode == 0, done.stderr
    (log,) = tmp_path.glob("csv/version_*/metrics.csv")
    header = log.read_text().splitlines()[0].split(",")
    assert {"step", "train/elbo", "val/elbo", "test/elbo", "chosen/val/elbo"} <= set(header)
    assert "tensorboard" not in done.stdout
