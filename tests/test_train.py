"""Training through the command line, on real data: what it writes, and what comes of a run."""

import math
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import vae_lab
from helpers import commands
from vae_lab.configuration.compiler import compiler
from vae_lab.data.digits import Digits
from vae_lab.runs.fingerprint import WITHOUT_EFFECT

pytestmark = pytest.mark.slow

NEEDS_COMPILER = pytest.mark.skipif(shutil.which(compiler()) is None, reason=f"there is no C++ compiler ({compiler()})")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A short run on digits with two latent units, and what it printed."""
    run_dir = tmp_path_factory.mktemp("run")
    done = commands.train(
        "data=digits",
        "latent_dim=2",
        "trainer=cpu",
        "trainer.max_epochs=3",
        "trainer.log_every_n_steps=5",
        "callbacks.figures.every_n_epochs=2",
        f"hydra.run.dir={run_dir}",
    )
    assert done.returncode == 0, done.stderr
    return run_dir, done.stdout


def test_writes_the_metrics(run: tuple[Path, str]) -> None:
    metrics = commands.metrics(run[0])
    assert metrics["test/elbo"] == pytest.approx(-(metrics["test/rate"] + metrics["test/distortion"]), abs=1e-4)
    assert metrics["test/rate"] > 0
    # A bound with more samples is tighter, and log 2 per pixel is what knowing nothing costs.
    assert -metrics["test/elbo"] > metrics["test/nll"] > 0
    assert metrics["test/nll"] < 64 * math.log(2)
    assert metrics["test/bits_per_dim"] == pytest.approx(metrics["test/nll"] / (64 * math.log(2)))
    assert {"val/elbo", "val/rate", "val/distortion"} <= metrics.keys()
    assert metrics["epoch"] in (0, 1, 2)
    assert metrics["train_seconds"] > 0
    assert metrics["images_per_second"] > 0
    assert metrics["data/binarize"] == "dynamic"
    assert metrics["test/nll_samples"] == 100


def test_prints_the_figures_and_where_to_look(run: tuple[Path, str]) -> None:
    run_dir, printed = run
    assert f"{commands.metrics(run_dir)['test/elbo']:.3f}  nats per image" in printed
    assert "upper bound, 100 samples" in printed
    assert "figures/samples.png" in printed
    assert "tensorboard --logdir" in printed
    assert "binarize=dynamic" in printed


def test_writes_checkpoints_that_hold_plain_containers(run: tuple[Path, str]) -> None:
    for name in ("best.ckpt", "last.ckpt"):
        torch.load(run[0] / "checkpoints" / name, weights_only=True)
    assert sorted(path.name for path in (run[0] / "checkpoints").iterdir()) == ["best.ckpt", "last.ckpt"]


def test_draws_the_pictures(run: tuple[Path, str]) -> None:
    for name in ("reconstructions", "samples", "manifold"):
        with Image.open(run[0] / "figures" / f"{name}.png") as picture:
            assert min(picture.size) > 100
            low, high = picture.convert("L").getextrema()
            assert high > low  # type: ignore[operator]
    assert not [path for path in run[0].rglob("*unfinished*") if path.is_file()]


def events(run_dir: Path) -> EventAccumulator:
    accumulator = EventAccumulator(str(run_dir), size_guidance={"scalars": 0, "images": 0})
    accumulator.Reload()
    return accumulator


def test_logs_to_tensorboard(run: tuple[Path, str]) -> None:
    run_dir, _ = run
    log, metrics = events(run_dir), commands.metrics(run_dir)
    scalars = set(log.Tags()["scalars"])
    expected = {f"{split}/{name}" for split in ("train", "val", "test") for name in ("elbo", "rate", "distortion")}
    assert expected <= scalars
    assert [event.step for event in log.Scalars("val/elbo")] == [9, 18, 27]
    assert [event.step for event in log.Scalars("train/elbo")] == [5, 10, 15, 20, 25, 27], "the last window too"
    (tested,), (chosen,) = log.Scalars("test/elbo"), log.Scalars("chosen/val/elbo")
    assert (tested.value, chosen.value) == pytest.approx((metrics["test/elbo"], metrics["val/elbo"]))
    assert len(log.Images("reconstructions")) == len(log.Images("chosen/reconstructions")) == 1
    hparams = {tag for tag in log.summary_metadata if tag.startswith("_hparams_")}
    assert hparams == {"_hparams_/experiment", "_hparams_/session_start_info", "_hparams_/session_end_info"}
    assert not [path for path in run_dir.iterdir() if path.is_dir() and path.name.isdigit()], "one row, one folder"


def test_gives_the_model_back(run: tuple[Path, str]) -> None:
    trained = vae_lab.load(run[0])
    assert trained.config.latent_dim == 2
    assert trained.metrics == commands.metrics(run[0])
    images = Digits().load().test.images[:5] / 255
    q = trained.encode(images)
    assert q.mean.shape == q.sample().shape == (5, 2)
    assert trained.decode(q.mean).mean.shape == trained.reconstruct(images).shape == images.shape
    assert trained.sample(7).shape == (7, 1, 8, 8)
    assert not any(parameter.requires_grad for parameter in trained.model.parameters())
    with pytest.raises(ValueError, match=r"images: expected shape \(B, 1, 8, 8\), got \(5, 8, 8\)"):
        trained.encode(images[:, 0])


def test_the_loaded_model_is_the_one_that_was_tested(run: tuple[Path, str]) -> None:
    """The figures of metrics.json, computed anew from the checkpoint and the data, up to the noise of one sample."""
    from vae_lab import build
    from vae_lab.data.batches import to_unit
    from vae_lab.evaluation.validation_bounds import plain_elbo

    trained = vae_lab.load(run[0])
    test = to_unit(build.data(trained.config).test.images)
    torch.manual_seed(0)
    elbo = torch.stack([plain_elbo(trained.model, test)["elbo"].mean() for _ in range(20)])
    rate = plain_elbo(trained.model, test)["rate"].mean()
    assert trained.metrics["test/elbo"] == pytest.approx(elbo.mean().item(), abs=6 * elbo.std().item())
    assert trained.metrics["test/rate"] == pytest.approx(rate.item(), abs=1e-4)


def test_a_finished_run_is_not_resumed_by_mistake(run: tuple[Path, str]) -> None:
    done = commands.train(f"resume={run[0]}")
    assert done.returncode == 1
    assert "has finished" in done.stderr
    assert "trainer.max_epochs above 3" in done.stderr
    assert (run[0] / "metrics.json").is_file()


@pytest.mark.parametrize("override", ["latent_dim=5", "seed=1", "optimizer.lr=0.1", "trainer.precision=64-true"])
def test_a_resumed_run_stays_the_same_run(run: tuple[Path, str], override: str) -> None:
    done = commands.train(f"resume={run[0]}", override)
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith(override)
    assert not override.startswith(WITHOUT_EFFECT)


OWN_LIKELIHOOD = """
import torch
from torch import Tensor
from torch.distributions import Distribution, Independent, Laplace

from vae_lab.likelihoods.likelihood import Likelihood
from vae_lab.configuration.options import PositiveFloat


class OwnLikelihood(Likelihood):
    support = "real"
    needs_dequantizing = False
    is_set_by_mean = True

    def __init__(self, image_shape: tuple[int, ...], width: PositiveFloat = 1.0) -> None:
        super().__init__(image_shape)
        self.width = width

    def params_at(self, mean: Tensor) -> Tensor:
        return mean

    def forward(self, c: Tensor | None) -> Distribution:
        return Independent(Laplace(c, torch.full_like(c, self.width), validate_args=False), 3, validate_args=False)
"""


def test_a_users_own_part_is_one_class_and_one_yaml(tmp_path: Path) -> None:
    (tmp_path / "own_package.py").write_text(OWN_LIKELIHOOD)
    (tmp_path / "own_conf" / "likelihood").mkdir(parents=True)
    (tmp_path / "own_conf" / "likelihood" / "own.yaml").write_text("_target_: own_package.OwnLikelihood\nwidth: 1.0\n")
    own = ["--config-dir", "own_conf", "likelihood=own", "data=digits"]
    done = commands.train(*own, "trainer.max_epochs=1", "hydra.run.dir=run", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    # A Laplace law of width 1 costs at least log 2 for each pixel.
    assert commands.metrics(tmp_path / "run")["test/distortion"] > 64 * math.log(2)
    for override, told in {
        "likelihood.width=-1": "greater than 0",
        "data.binarize=dynamic": "data.binarize=none",
    }.items():
        refused = commands.train(*own, override, cwd=tmp_path)
        assert (refused.returncode, len(refused.stderr.splitlines())) == (1, 1)
        assert refused.stderr.startswith(override)
        assert told in refused.stderr


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--cfg", "job"], ["--shell-completion", "query=bash"], ["latent_dim=0"]]
)
def test_answers_without_torch(arguments: list[str]) -> None:
    done = commands.light("train", *arguments, COMP_LINE="vae-lab-train model=", COMP_POINT="20")
    if "query=bash" in arguments:
        assert "model=mlp" in done.stdout


@pytest.mark.parametrize(
    "override",
    [
        pytest.param("compile=true", marks=NEEDS_COMPILER),
        "trainer.precision=bf16-mixed",
        "trainer.precision=64-true",
    ],
)
def test_ways_of_computing_agree(override: str, tmp_path: Path) -> None:
    done = commands.train("data=digits", "trainer.max_epochs=2", override, f"hydra.run.dir={tmp_path}")
    assert done.returncode == 0, done.stderr
    assert commands.metrics(tmp_path)["test/elbo"] == pytest.approx(-27.3, abs=0.5)


def test_one_epoch_of_mnist(tmp_path: Path, mnist_root: Path) -> None:
    done = commands.train(
        "model=mlp",
        "latent_dim=20",
        "trainer.max_epochs=1",
        "nll_samples=2",
        f"hydra.run.dir={tmp_path}",
        VAE_LAB_DATA=str(mnist_root),
    )
    assert done.returncode == 0, done.stderr
    metrics: dict[str, Any] = commands.metrics(tmp_path)
    assert -150 < metrics["test/elbo"] < -110
    assert 10 < metrics["test/rate"] < 30
