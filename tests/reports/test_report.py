"""The report on constructed runs, whose figures are known."""

import csv
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from omegaconf import DictConfig, OmegaConf
from PIL import Image

from helpers.run_folders import write_run
from vae_lab.errors import UserError
from vae_lab.reports.interval import interval
from vae_lab.reports.published import BesidePublished
from vae_lab.reports.quantities import QUANTITIES, quantity
from vae_lab.reports.report import write_report

T_3 = 3.182446305284263  # the 97.5% quantile of Student's t with 3 degrees of freedom


def rows_of(folder: Path) -> list[dict[str, str]]:
    with (folder / "report.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def deviations(mean: float, deviation: float) -> list[float]:
    """Four values of the given mean and standard deviation."""
    scaled = deviation * math.sqrt(3) / 2
    return [mean - scaled, mean + scaled, mean + scaled, mean - scaled]


def test_folds_seeds_into_mean_and_interval(tmp_path: Path) -> None:
    known = {2: (-30.0, 0.5), 10: (-25.0, 0.25)}
    for latent_dim, (mean, deviation) in known.items():
        for seed, elbo in enumerate(deviations(mean, deviation)):
            write_run(tmp_path / f"{latent_dim}-{seed}", elbo, seed=seed, latent_dim=latent_dim)
    printed = write_report([tmp_path], tmp_path)
    rows = rows_of(tmp_path)
    assert [row["latent_dim"] for row in rows] == ["10", "2"], "the higher ELBO first"
    assert list(rows[0])[:2] == ["latent_dim", "seeds"], "what varies, and nothing else"
    for row in rows:
        mean, deviation = known[int(row["latent_dim"])]
        assert row["seeds"] == "4"
        assert float(row["test/elbo"]) == pytest.approx(mean)
        assert float(row["test/elbo half-width"]) == pytest.approx(T_3 * deviation / 2)
        assert float(row["test/rate half-width"]) == 0
    assert f"| 2 | 4 | -29.00 ± {T_3 * 0.25:.2f} | -30.00 ± {T_3 * 0.25:.2f} |" in printed
    assert {path.name for path in (tmp_path / "figures").iterdir()} == {"against_latent_dim.png", "rate_distortion.png"}
    for path in (tmp_path / "figures").iterdir():
        with Image.open(path) as picture:
            assert min(picture.size) > 400


def test_the_interval_holds_the_true_mean_as_often_as_it_says() -> None:
    draws = np.random.default_rng(0).normal(3.0, 2.0, (2000, 4))
    known = [interval(list(values)) for values in draws]
    held = np.mean([abs(each.mean - 3.0) <= (each.half_width or 0) for each in known])
    assert held == pytest.approx(0.95, abs=4 * math.sqrt(0.95 * 0.05 / 2000))


def test_one_seed_has_no_interval(tmp_path: Path) -> None:
    write_run(tmp_path / "0", -30.0, latent_dim=2)
    write_run(tmp_path / "1", -29.0, latent_dim=3)
    assert "±" not in write_report([tmp_path], tmp_path).partition("##")[2]
    assert {row["test/elbo half-width"] for row in rows_of(tmp_path)} == {""}


@pytest.mark.parametrize(("metric", "first"), [("val/elbo", "3"), ("test/nll", "3"), ("test/rate", "2")])
def test_ranks_in_the_direction_that_is_better(tmp_path: Path, metric: str, first: str) -> None:
    write_run(tmp_path / "0", -30.0, latent_dim=2, **{"test/rate": 1.0})
    write_run(tmp_path / "1", -29.0, latent_dim=3, **{"test/rate": 9.0})
    write_run(tmp_path / "2", math.nan, latent_dim=4, **{"test/rate": math.nan})
    write_report([tmp_path], tmp_path, rank_by=metric)
    assert [row["latent_dim"] for row in rows_of(tmp_path)] == [first, *({"2", "3"} - {first}), "4"]


def test_directions() -> None:
    higher = {name for name in QUANTITIES if quantity(f"test/{name}").higher_is_better}
    assert higher == {"elbo", "images_per_second"}
    with pytest.raises(UserError, match=r"test/elbow: .* did you mean 'elbo'\?"):
        quantity("test/elbow")


@pytest.mark.slow
def test_a_choice_is_one_column_and_a_swept_option_another(tmp_path: Path) -> None:
    write_run(tmp_path / "0", -30.0, objective="elbo")
    write_run(tmp_path / "1", -29.0, objective="iwae", options={"num_samples": 5})
    write_run(tmp_path / "2", -28.0, objective="iwae", options={"num_samples": 50})
    write_report([tmp_path], tmp_path)
    rows = rows_of(tmp_path)
    assert list(rows[0])[:3] == ["objective", "objective.num_samples", "seeds"]
    assert [row["objective"] for row in rows] == ["iwae", "iwae", "elbo"]
    write_run(tmp_path / "only" / "0", -30.0, objective="elbo")
    write_run(tmp_path / "only" / "1", -29.0, objective="beta")
    write_report([tmp_path / "only"], tmp_path / "only")
    assert list(rows_of(tmp_path / "only")[0])[:2] == ["objective", "seeds"]


def test_an_option_that_a_command_gave_is_a_column(tmp_path: Path) -> None:
    write_run(tmp_path / "0", -30.0, objective="elbo")
    write_run(tmp_path / "1", -29.0, objective="iwae", options={"num_samples": 50})
    OmegaConf.save(["objective=iwae", "objective.num_samples=50"], tmp_path / "1" / ".hydra" / "overrides.yaml")
    write_report([tmp_path], tmp_path)
    assert list(rows_of(tmp_path)[0])[:3] == ["objective", "objective.num_samples", "seeds"]


def test_lists_what_is_not_in_the_table(tmp_path: Path) -> None:
    write_run(tmp_path / "0", -30.0, seed=0)
    write_run(tmp_path / "1", None, seed=1)
    (tmp_path / "1" / "failed.txt").write_text("training diverged\n\nTraceback ...")
    write_run(tmp_path / "2", None, seed=0, latent_dim=3)
    write_run(tmp_path / "3", -30.0, seed=0)
    hydra = {"sweeper": {"_target_": "hydra._internal.core_plugins.basic_sweeper.BasicSweeper", "params": None}}
    hydra |= {"sweep": {"dir": "x", "subdir": "${hydra.job.num}"}, "job": {"num": "???"}}
    hydra |= {"overrides": {"task": ["latent_dim=2,3", "seed=0,1,2"]}}
    OmegaConf.save({"hydra": hydra}, tmp_path / "multirun.yaml")
    printed = write_report([tmp_path], tmp_path)
    for line in (
        "- 1 (latent_dim=2, seed=1): failed: training diverged",
        "- 2 (latent_dim=3, seed=0): unfinished",
        "- 3: it repeats 0, with the same seed",
        "- 4 (latent_dim=3, seed=1): not started",
        "- 5 (latent_dim=3, seed=2): not started",
    ):
        assert line in printed
        assert line in (tmp_path / "report.md").read_text()
    assert [(row["latent_dim"], row["seeds"]) for row in rows_of(tmp_path)] == [("2", "1"), ("3", "0")]


@pytest.mark.slow
@pytest.mark.parametrize(
    "other",
    [
        {"data/binarize": "static"},
        {"condition": "label"},
        {"likelihood": "vae_lab.likelihoods.gaussian.Gaussian"},
    ],
)
def test_what_cannot_be_compared_stands_in_tables_of_its_own(tmp_path: Path, other: dict[str, Any]) -> None:
    write_run(tmp_path / "0", -30.0, seed=0)
    write_run(tmp_path / "1", -20.0, seed=1, **other)
    write_run(tmp_path / "2", -31.0, seed=0, latent_dim=3)
    printed = write_report([tmp_path], tmp_path)
    assert "2 tables, whose metrics cannot be compared" in printed
    assert printed.count("\n## data=digits") == 2
    assert len(rows_of(tmp_path)) == 3
    assert all(row["test/elbo half-width"] == "" for row in rows_of(tmp_path)), "seeds of different kinds stay apart"


def test_reads_several_sweeps_and_single_runs(tmp_path: Path) -> None:
    write_run(tmp_path / "a" / "0", -30.0, seed=0)
    write_run(tmp_path / "a" / "1", -31.0, seed=1)
    write_run(tmp_path / "b", -29.0, seed=0, latent_dim=3)
    write_report([tmp_path / "a", tmp_path / "b", tmp_path / "a"], tmp_path / "out")
    assert [(row["latent_dim"], row["seeds"]) for row in rows_of(tmp_path / "out")] == [("3", "1"), ("2", "2")]
    with pytest.raises(UserError, match="there is no run in this folder"):
        write_report([tmp_path / "out"], tmp_path / "out")


@pytest.mark.slow
def test_more_configurations_than_colours(tmp_path: Path) -> None:
    for number in range(12):
        write_run(tmp_path / str(number), -30.0 - number, latent_dim=2 + number % 2, options={"num_samples": number})
    write_report([tmp_path], tmp_path)
    assert {path.stem for path in (tmp_path / "figures").iterdir()} == {
        "against_latent_dim",
        "against_objective.num_samples",
        "rate_distortion",
    }


def test_stands_beside_the_figures_of_a_paper(tmp_path: Path) -> None:
    short = {"objective": "elbo", "test/nll_samples": 500}
    for seed, elbo in enumerate(deviations(-30.0, 0.5)):
        write_run(tmp_path / str(seed), elbo, seed=seed, epochs_scale=0.01, **short)
    write_run(tmp_path / "iwae", -28.0, epochs_scale=0.01, **{**short, "objective": "iwae"})
    figures = [["iwae", 5, 27.25], ["elbo", 1, 28.5], ["elbo", 5, 28.25]]
    BesidePublished("a paper", "test/nll", ["objective", "objective.num_samples"], figures).on_multirun_end(
        DictConfig({"hydra": {"sweep": {"dir": str(tmp_path)}}})
    )
    assert (tmp_path / "published.md").read_text().splitlines() == [
        "test NLL, an upper bound (nats per image): 33 of 3,280 epochs of training (epochs_scale=0.01), 500 importance "
        "samples.",
        "",
        "| objective | objective.num_samples | here | a paper |",
        "| --- | --- | ---: | ---: |",
        "| iwae | 5 | 27.50 | 27.25 |",
        f"| elbo | 1 | 29.50 ± {T_3 * 0.5 / 2:.2f} | 28.50 |",
        "| elbo | 5 | - | 28.25 |",
    ]
