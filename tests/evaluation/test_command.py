"""Evaluation through the command line, and what it writes."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from omegaconf import OmegaConf

import vae_lab
from helpers import commands
from helpers.composed import composed
from vae_lab.data.batches import to_unit
from vae_lab.evaluation import record
from vae_lab.evaluation.context import evaluation_context
from vae_lab.evaluation.measure import Estimate
from vae_lab.evaluation.measures.nll import NLL

pytestmark = pytest.mark.slow

QUICK = ("measure.nll.num_samples=20", "measure=[bounds,nll]", "device=cpu")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A short run on digits, and the same weights in the folder of a run that says it was trained by IWAE."""
    folder = tmp_path_factory.mktemp("runs")
    elbo, iwae = folder / "elbo", folder / "iwae"
    done = commands.train(
        "data=digits",
        "latent_dim=2",
        "trainer=cpu",
        "trainer.max_epochs=1",
        "nll_samples=2",
        "trainer.log_every_n_steps=5",
        "logger=none",
        "~callbacks.figures",
        f"hydra.run.dir={elbo}",
    )
    assert done.returncode == 0, done.stderr
    shutil.copytree(elbo, iwae)
    config = OmegaConf.load(iwae / ".hydra" / "config.yaml")
    config.objective = composed("objective=iwae").objective
    OmegaConf.save(config, iwae / ".hydra" / "config.yaml")
    weights = torch.load(iwae / "checkpoints" / "best.ckpt", weights_only=True)
    torch.save({**weights, "settings": ""}, iwae / "checkpoints" / "best.ckpt")  # as version 0.2 wrote them
    return elbo, iwae


@pytest.fixture(scope="module")
def compared(runs: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """Both runs in one call from an empty folder: what it printed, and that folder."""
    here = tmp_path_factory.mktemp("here")
    done = commands.evaluate(f"run=[{runs[0]},{runs[1]}]", *QUICK, cwd=here)
    assert done.returncode == 0, done.stderr
    return done.stdout, here


def evaluation(run_dir: Path) -> dict[str, Any]:
    figures: dict[str, Any] = json.loads((run_dir / "evaluation.json").read_text())
    return figures


def test_each_figure_says_what_it_is(runs: tuple[Path, Path], compared: tuple[str, Path]) -> None:
    written = evaluation(runs[0])
    assert written["checkpoint"]["epoch"] == 0
    nll = written["test"]["nll"]["nll"]
    assert nll["standard_error"] > 0
    assert "importance sampling" in nll["estimator"]
    about = {name: nll[name] for name in ("num_images", "num_samples", "split", "seed", "epoch")}
    assert about == {"num_images": 300, "num_samples": 20, "split": "test", "seed": 0, "epoch": 0}
    assert (nll["binarize"], nll["dequantize"]) == ("dynamic", "none")
    assert nll["value"] < -written["test"]["bounds"]["elbo"]["value"]
    # The training run tested the same images with other noise.
    trained = commands.metrics(runs[0])
    assert written["test"]["bounds"]["elbo"]["value"] == pytest.approx(trained["test/elbo"], abs=0.3)


def test_objectives_are_evaluated_alike(runs: tuple[Path, Path], compared: tuple[str, Path]) -> None:
    first, second = (evaluation(run)["test"] for run in runs)
    assert first == second


def test_several_runs_make_one_table(runs: tuple[Path, Path], compared: tuple[str, Path]) -> None:
    printed, here = compared
    nll = evaluation(runs[0])["test"]["nll"]["nll"]
    (row,) = (line for line in printed.splitlines() if line.startswith("nll "))
    assert row.count(f"{nll['value']:.2f} ± {nll['standard_error']:.2f}") == 2
    assert printed.count("evaluation.json") == 2
    assert not list(here.iterdir()), "nothing is written but into the runs"
    assert not [path for path in runs[0].rglob("*unfinished*") if path.is_file()]


def test_measures_splits_and_subsets_lie_beside_each_other(runs: tuple[Path, Path], compared: tuple[str, Path]) -> None:
    before = evaluation(runs[1])
    done = commands.evaluate(f"run={runs[1]}", "split=val", "num_images=50", "measure=[surgery]")
    assert done.returncode == 0, done.stderr
    after = evaluation(runs[1])
    assert {name: after[name] for name in before} == before
    assert after["val, 50 images"]["surgery"]["mutual_information"]["num_images"] == 50


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_the_images_are_those_of_the_split(runs: tuple[Path, Path], split: str) -> None:
    trained = vae_lab.load(runs[0])
    keys = {"split": split, "seed": 0, "device": torch.device("cpu"), "memory_mib": 1024}
    here = evaluation_context(trained, num_images=None, **keys)  # type: ignore[arg-type]
    images = getattr(here.data, split).images
    if split == "train":  # drawn from the grey images, which training draws afresh for each batch
        assert here.images.x.unique().tolist() == [0, 1]
        assert (here.images.x - to_unit(images)).mean().abs() < 0.01
        assert torch.equal(here.images.x, here.training.x)
    else:
        assert torch.equal(here.images.x, to_unit(images))
    few, more = (evaluation_context(trained, num_images=num, **keys).images for num in (10, 40))  # type: ignore[arg-type]
    assert torch.equal(few.x, more.x[:10])
    assert not torch.equal(few.x, here.images.x[:10])


def test_no_batch_size_or_memory_bound_changes_a_figure(runs: tuple[Path, Path]) -> None:
    values = []
    for batch_size, memory_mib in ((32, 256), (7, 5000)):
        trained = vae_lab.load(runs[0])
        trained.config.data.batch_size = batch_size
        here = evaluation_context(
            trained, split="test", num_images=40, seed=0, device=torch.device("cpu"), memory_mib=memory_mib
        )
        values.append(NLL(num_samples=50)(here)["nll"].value)
    assert values[0] == pytest.approx(values[1], abs=1e-5)


def test_figures_of_another_model_are_not_kept(tmp_path: Path) -> None:
    for epoch, measure in ((1, "a"), (1, "b"), (2, "c")):
        record.merge(tmp_path, {"epoch": epoch}, "test", measure, {"nll": {"value": 1.0}})
    assert evaluation(tmp_path) == {"checkpoint": {"epoch": 2}, "test": {"c": {"nll": {"value": 1.0}}}}


def test_what_is_no_number_is_no_number_in_json(tmp_path: Path) -> None:
    figure = record.as_json(Estimate(float("nan"), "", 1, float("inf")), {})
    record.merge(tmp_path, {}, "test", "nll", {"nll": figure})
    assert evaluation(tmp_path)["test"]["nll"]["nll"]["value"] is None
    assert "not finite" in record.table(["run"], [{"nll": {"nll": figure}}])


@pytest.mark.parametrize(
    ("overrides", "named", "hint"),
    [
        ([], "run", "run=..."),
        (["run=NOWHERE"], "run=NOWHERE", "no such folder"),
        (["run=EMPTY"], "run=EMPTY", "no run in this folder"),
        (["run=UNFINISHED"], "run=UNFINISHED", "vae_lab.train resume="),
        (["run=RUN", "measure=[bounds,nl]"], "measure=[bounds,nl]", "did you mean 'nll'?"),
        (["run=RUN", "measure.nll.num_sample=3"], "measure.nll.num_sample=3", "'measure.nll.num_samples'?"),
        (["run=RUN", "measure.nll.num_samples=0"], "measure.nll.num_samples=0", "must be greater than 0"),
        (["run=RUN", "split=tset"], "split=tset", "did you mean 'test'?"),
        (["run=RUN", "num_images=-1"], "num_images=-1", "must be greater than 0"),
        (["run=RUN", "memory_mib=10"], "memory_mib=10", "greater than or equal to 256"),
        (["run=RUN", "devise=cpu"], "devise=cpu", "did you mean 'device'?"),
        (["run=RUN", "model=mlp"], "model=mlp", "choose one of measure"),
        (["run=[RUN,RUN]"], "run=[RUN,RUN]", "twice"),
        (["run=[]"], "run=[]", "at least 1"),
        (["-m", "run=RUN"], "-m", "[DIR,DIR]"),
    ],
)
def test_mistakes_are_one_line_before_torch_is_imported(
    overrides: list[str], named: str, hint: str, runs: tuple[Path, Path], tmp_path: Path
) -> None:
    empty, unfinished = tmp_path / "empty", tmp_path / "unfinished"
    empty.mkdir()
    shutil.copytree(runs[0] / ".hydra", unfinished / ".hydra")
    folders = {"RUN": runs[0], "EMPTY": empty, "UNFINISHED": unfinished, "NOWHERE": tmp_path / "nowhere"}

    def real(text: str) -> str:
        for word, folder in folders.items():
            text = text.replace(word, str(folder))
        return text

    done = commands.light("evaluate", *[real(override) for override in overrides])
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert done.stderr.startswith(real(named) + ":")
    assert hint in done.stderr


# What a shell asks with.
COMPLETION = {"COMP_LINE": "vae-lab-evaluate split=", "COMP_POINT": "23"}


@pytest.mark.parametrize("arguments", [["--help"], ["--cfg", "job"], ["--shell-completion", "query=bash"]])
def test_answers_without_torch(arguments: list[str]) -> None:
    assert commands.light("evaluate", *arguments, **COMPLETION).stdout


def test_more_images_than_there_are(runs: tuple[Path, Path]) -> None:
    done = commands.evaluate(f"run={runs[0]}", "num_images=301", "measure=[bounds]")
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "num_images=301: split=test has 300 images only; give a smaller number, or leave it out for all of them"
    ]


def test_a_measure_that_is_not_defined_says_why_and_the_others_go_on(tmp_path: Path) -> None:
    done = commands.train(
        "data=digits",
        "posterior=delta",
        "objective=autoencoder",
        "trainer=cpu",
        "trainer.max_epochs=1",
        "logger=none",
        "~callbacks.figures",
        f"hydra.run.dir={tmp_path}",
    )
    assert done.returncode == 0, done.stderr
    done = commands.evaluate(f"run={tmp_path}", "measure=[nll,bounds]")
    assert done.returncode == 0, done.stderr
    assert "nll is not defined: the model has no posterior with a density" in done.stdout
    assert evaluation(tmp_path)["test"]["bounds"].keys() == {"distortion"}
