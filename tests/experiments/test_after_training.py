"""Other commands as the end of an experiment."""

import json
from pathlib import Path

import pytest

from helpers import commands

pytestmark = pytest.mark.slow

EVALUATE = "+hydra.callbacks.evaluate._target_=vae_lab.experiments.after_training.Evaluate"
COMPARE = "+hydra.callbacks.compare._target_=vae_lab.experiments.after_training.CompareEstimators"
QUICK = ["data=digits", "trainer=cpu", "trainer.max_epochs=1", "nll_samples=2", "callbacks.progress=null"]


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ([EVALUATE, "+hydra.callbacks.evaluate.measure=[bonds]"], "measure=bonds: this measure is unknown; did you"),
        ([EVALUATE, "+hydra.callbacks.evaluate.measure=[bounds]", "+hydra.callbacks.evaluate.split=tst"], "split=tst"),
        ([COMPARE, "+hydra.callbacks.compare.estimators=[elbow]"], "did you mean 'elbo'?"),
    ],
)
@pytest.mark.parametrize("sweep", [[], ["-m", "seed=0,1"]])
def test_what_cannot_work_is_refused_before_training(
    overrides: list[str], message: str, sweep: list[str], tmp_path: Path
) -> None:
    folders = [f"hydra.run.dir={tmp_path}/run", f"hydra.sweep.dir={tmp_path}/sweep"]
    done = commands.train(*sweep, *QUICK, *overrides, *folders)
    assert done.returncode == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.rglob("*.ckpt"))


def test_a_sweep_is_measured_in_one_table(tmp_path: Path) -> None:
    measure = [EVALUATE, "+hydra.callbacks.evaluate.measure=[active_units]", "+hydra.callbacks.evaluate.num_images=50"]
    done = commands.train(
        "-m", "latent_dim=2,3", *QUICK, *measure, "callbacks.figures=null", f"hydra.sweep.dir={tmp_path}"
    )
    assert done.returncode == 0, done.stderr
    for job, latent_dim in enumerate((2, 3)):
        assert f"{tmp_path / str(job) / 'evaluation.json'} (latent_dim={latent_dim})" in done.stdout
        evaluation = json.loads((tmp_path / str(job) / "evaluation.json").read_text())
        assert evaluation["test, 50 images"].keys() == {"active_units"}


def test_a_resumed_run_ends_as_it_would_have(tmp_path: Path) -> None:
    measure = [EVALUATE, "+hydra.callbacks.evaluate.measure=[active_units]", "callbacks.figures=null"]
    assert commands.train(*QUICK, *measure, f"hydra.run.dir={tmp_path}").returncode == 0
    first = json.loads((tmp_path / "evaluation.json").read_text())
    done = commands.train(f"resume={tmp_path}", "trainer.max_epochs=3")
    assert done.returncode == 0, done.stderr
    again = json.loads((tmp_path / "evaluation.json").read_text())
    assert again["test"].keys() == first["test"].keys()
    assert again["checkpoint"]["epoch"] > first["checkpoint"]["epoch"]
