"""Learning-rate schedules: the rates of the paper, and what a run makes of them."""

from itertools import groupby
from pathlib import Path

import pytest
import torch

from helpers import commands
from vae_lab.optimization.lr_schedules import Stages


def test_stages_are_those_of_the_iwae_paper() -> None:
    """3^i epochs at 10^(-i/7) of the rate, i = 0, ..., 7; here an epoch has two steps."""
    stages = Stages(num_stages=8, growth=3, final_factor=0.1)
    factors = [stages.factor(step, 2 * 3280) for step in range(2 * 3280)]
    lengths = [(factor, len(list(group))) for factor, group in groupby(factors)]
    assert lengths == [(pytest.approx(10 ** (-stage / 7)), 2 * 3**stage) for stage in range(8)]
    assert stages.factor(2 * 3280, 2 * 3280) == pytest.approx(0.1), "where the optimizer stands in the end"


@pytest.mark.slow
def test_a_shortened_run_has_the_whole_schedule_and_cannot_be_prolonged(tmp_path: Path) -> None:
    settings = ["data=digits", "data.batch_size=300", "trainer=cpu", "trainer.max_epochs=200", "epochs_scale=0.01"]
    settings += ["model.hidden_sizes=[8]"]
    settings += ["schedule=stages", "schedule.num_stages=2", "schedule.final_factor=0.5", f"hydra.run.dir={tmp_path}"]
    done = commands.train(*settings, "logger=none", "~callbacks.figures")  # 4 batches an epoch: 2 steps, then 6
    assert done.returncode == 0, done.stderr
    checkpoint = torch.load(tmp_path / "checkpoints" / "last.ckpt", weights_only=True)
    assert checkpoint["lr_schedulers"][0]["last_epoch"] == 8
    assert checkpoint["optimizer_states"][0]["param_groups"][0]["lr"] == pytest.approx(0.0005)
    refused = commands.train(f"resume={tmp_path}", "trainer.max_epochs=300")
    assert refused.returncode == 1
    assert refused.stderr.startswith("trainer.max_epochs=300: the learning rate follows a schedule over all 2 epochs")
