"""Runs of an ensemble, in their folders: as they would have been alone."""

from pathlib import Path

import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.core.hydra_config import HydraConfig
from omegaconf import OmegaConf, open_dict
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import vae_lab
from helpers import commands
from vae_lab.configuration.paths import conf_dir
from vae_lab.data.module import ImageData
from vae_lab.experimental.ensemble.checkpoints import settle, steps_of_last
from vae_lab.experimental.ensemble.fit import fit_together
from vae_lab.runs.folder import RunFolder
from vae_lab.training.checkpoint_files import save_checkpoint
from vae_lab.training.experiment import prepare
from vae_lab.training.run import Run

pytestmark = pytest.mark.slow


def prepared(run_dir: Path, *overrides: str, data: ImageData | None = None) -> Run:
    """A small run that is ready to train, or to go on where it stopped."""
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        config = compose("train", list(overrides), return_hydra_config=True)
    with open_dict(config):
        config.hydra.runtime.output_dir = str(run_dir)
    HydraConfig.instance().set_config(config)
    with open_dict(config):
        del config["hydra"]
    return prepare(config, data)


TINY = (
    *("data=digits", "data.batch_size=200", "model.hidden_sizes=[16]", "trainer=cpu", "logger=none"),
    *("callbacks.figures=null", "callbacks.progress=null"),
)


@pytest.mark.parametrize(
    ("lasts", "nexts", "settled"),
    [
        pytest.param([3, 3], [6, None], [3, 3], id="killed before all were written"),
        pytest.param([3, 3], [6, 6], [6, 6], id="killed before the first was put in place"),
        pytest.param([6, 3], [None, 6], [6, 6], id="killed before the last was put in place"),
        pytest.param([None, None], [3, None], [None, None], id="the first state, not all written"),
        pytest.param([3, None], [None, 3], [3, 3], id="the first state, not all put in place"),
        pytest.param([3, 9], [6, 6], [6, 9], id="a member that went on by itself stays where it is"),
    ],
)
def test_members_are_brought_to_the_same_step(
    tmp_path: Path, lasts: list[int | None], nexts: list[int | None], settled: list[int | None]
) -> None:
    folders = [RunFolder(tmp_path / str(number)) for number in range(len(lasts))]
    for folder, last, following in zip(folders, lasts, nexts, strict=True):
        folder.save_yaml(folder.config, OmegaConf.create({"trainer": {"max_epochs": 1}}))
        for path, step in ((folder.last_checkpoint, last), (folder.next_last_checkpoint, following)):
            if step is not None:
                state = {"state_dict": {"w": torch.ones(1)}, "image_shape": [1, 8, 8], "num_classes": None}
                save_checkpoint(folder, {**state, "global_step": step}, path)
    settle(folders)
    assert [steps_of_last(folder) or None for folder in folders] == settled
    assert not list(tmp_path.rglob("*.next.*"))


def test_members_go_on_from_where_each_stands(tmp_path: Path) -> None:
    """Interrupted while its checkpoints were written, an ensemble has members that are ahead of others."""

    def train(folder: str, epochs: int) -> None:
        data, runs = None, []
        for seed in (0, 1, 2):
            run_dir = tmp_path / folder / str(seed)
            own = (f"seed={seed}", f"trainer.max_epochs={epochs}", f"resume='{run_dir}'")
            runs.append(prepared(run_dir, *TINY, *own, data=data))
            data = runs[0].data
        assert fit_together(runs) == [None] * 3

    train("whole", 3)
    train("cut", 1)
    (tmp_path / "cut" / "2" / "checkpoints" / "last.ckpt").unlink()
    train("cut", 3)
    for member in ("0", "1", "2"):
        ours, theirs = (
            torch.load(tmp_path / folder / member / "checkpoints" / "last.ckpt", weights_only=True)
            for folder in ("cut", "whole")
        )
        for part in ("state_dict", "optimizer_states"):
            torch.testing.assert_close(ours[part], theirs[part], rtol=1e-4, atol=1e-6)


def test_one_members_failure_is_its_own(tmp_path: Path) -> None:
    settings = (*TINY, "trainer.max_epochs=2", "trainer.log_every_n_steps=2", "objective=beta")
    sound, infinite = (prepared(tmp_path / beta, *settings, f"objective.beta={beta}") for beta in ("1.0", "1e39"))
    failures = fit_together([sound, infinite])
    assert failures[0] is None
    assert "training diverged" in str(failures[1])
    assert sound.checkpoints.best_value is not None
    assert infinite.checkpoints.best_value is None
    assert (tmp_path / "1.0" / "checkpoints" / "last.ckpt").is_file()
    assert not (tmp_path / "1e39" / "checkpoints").exists()


SETTINGS = (
    "data=digits",
    "latent_dim=2",
    "trainer=cpu",
    "trainer.log_every_n_steps=5",
    "callbacks.figures.every_n_epochs=2",
    "nll_samples=10",
    "objective=beta",
    "trainer.max_epochs=3",
)
JOBS = ("seed=0,3", "objective.beta=0.5,2")


@pytest.fixture(scope="module")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four runs as an ensemble."""
    sweep_dir = tmp_path_factory.mktemp("sweep")
    done = commands.train("-m", *SETTINGS, *JOBS, "hydra/launcher=ensemble", f"hydra.sweep.dir={sweep_dir}")
    assert done.returncode == 0, done.stderr
    assert "training 4 members at once" in done.stdout
    return sweep_dir


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The last of them, by itself."""
    run_dir = tmp_path_factory.mktemp("alone")
    done = commands.train(*SETTINGS, "seed=3", "objective.beta=2", f"hydra.run.dir={run_dir}")
    assert done.returncode == 0, done.stderr
    return run_dir


def scalars(run_dir: Path) -> dict[str, list[tuple[int, float]]]:
    log = EventAccumulator(str(run_dir), size_guidance={"scalars": 0})
    log.Reload()
    return {tag: [(event.step, event.value) for event in log.Scalars(tag)] for tag in log.Tags()["scalars"]}


def test_a_members_folder_is_that_of_its_run(sweep: Path, alone: Path) -> None:
    member = sweep / "3"

    def files(folder: Path) -> set[str]:
        return {str(path.relative_to(folder)) for path in folder.rglob("*") if "tfevents" not in path.name}

    assert files(member) == files(alone)
    configs = [OmegaConf.load(folder / ".hydra" / "config.yaml") for folder in (member, alone)]
    assert configs[0] == configs[1]
    for tag, points in scalars(alone).items():
        for (step, value), (own_step, own) in zip(points, scalars(member)[tag], strict=True):
            assert (own_step, own) == (step, pytest.approx(value, rel=1e-4, abs=1e-4)), tag


def test_a_members_figures_are_those_of_its_run(sweep: Path, alone: Path) -> None:
    ours, theirs = commands.metrics(sweep / "3"), commands.metrics(alone)
    assert ours.pop("ensemble_size") == 4
    for key, value in theirs.items():
        if "second" not in key:
            rel = 1e-3 if key.startswith("standard_error") else 1e-4  # a difference of squares
            assert ours[key] == (value if isinstance(value, str) else pytest.approx(value, rel=rel)), key
    assert len({commands.metrics(sweep / str(job))["test/elbo"] for job in range(4)}) == 4
    trained = vae_lab.load(sweep / "3")
    other = vae_lab.load(alone)
    # Adam makes a step of size lr out of a gradient that is all rounding.
    torch.testing.assert_close(trained.model.state_dict(), other.model.state_dict(), rtol=1e-2, atol=1e-3)


def test_a_member_goes_on_alone(sweep: Path, alone: Path) -> None:
    """Its checkpoint is that of a run: a finished member trains longer as a run would."""
    figures = []
    for run_dir in (sweep / "3", alone):
        done = commands.train(f"resume={run_dir}", "trainer.max_epochs=4")
        assert done.returncode == 0, done.stderr
        figures.append(commands.metrics(run_dir)["test/elbo"])
    assert figures[0] == pytest.approx(figures[1], rel=1e-4)


def test_a_refusal_is_one_line(tmp_path: Path) -> None:
    done = commands.train(
        "-m", *SETTINGS, "seed=0,1", "trainer.gradient_clip_val=1", "hydra/launcher=ensemble",
        f"hydra.sweep.dir={tmp_path}",
    )  # fmt: skip
    assert done.returncode == 1
    assert "trainer.gradient_clip_val=1: the gradient's norm" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
