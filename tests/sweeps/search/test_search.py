"""Searches for good hyperparameters: resumed, pruned, of one and of two figures, and ending in what can be trained."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import optuna
import pytest
from hydra import initialize_config_dir
from omegaconf import OmegaConf
from optuna.trial import FrozenTrial, TrialState

from helpers import commands, parts
from vae_lab.configuration.check import check
from vae_lab.configuration.overrides import compose_checked, compose_with_hydra
from vae_lab.configuration.paths import conf_dir
from vae_lab.errors import UserError
from vae_lab.runs.fingerprint import flat_settings
from vae_lab.runs.folder import RunFolder
from vae_lab.sweeps.jobs import check_sweep
from vae_lab.sweeps.plugins import check_plugins
from vae_lab.sweeps.search.settings import overrides_of

SMALL = ["data=digits", "data.batch_size=128", "trainer=cpu", "trainer.max_epochs=3", "model.hidden_sizes=[16]"]
SMALL += ["logger=none", "nll_samples=2", "~callbacks.figures", "callbacks.progress=null"]
LEARNING_RATE = "optimizer.lr=tag(log,interval(0.0001,0.1))"
EAGER = ["hydra.sweeper.pruner.n_startup_trials=2", "hydra.sweeper.pruner.n_warmup_steps=0"]
ONE = ["-m", "hydra/sweeper=search", *SMALL, *EAGER, LEARNING_RATE, "latent_dim=int(interval(2,8))"]
TWO = ["search=rate_distortion", *SMALL, "latent_dim=range(2,9,2)", "model.hidden_sizes=choice([16],[8,8])"]
TWO += ["trainer.max_epochs=1", "hydra.sweeper.n_trials=4"]

# One process, so that torch is imported once.
COMMANDS = """
import sys
from vae_lab.train import main
for arguments in {commands}:
    sys.argv = ["train", *arguments]
    try:
        main()
        code = 0
    except SystemExit as error:
        code = error.code
    print(f"exit status {{code}}\\n<end of a command>")
"""


@dataclass(frozen=True)
class Searches:
    """What the commands below left and printed."""

    whole: Path
    cut: Path
    best: Path
    two: Path
    killed: int
    finished_before: dict[Path, int]
    printed: dict[str, str]


@pytest.fixture(scope="module")
def searches(tmp_path_factory: pytest.TempPathFactory) -> Searches:
    whole, cut, best, two = (tmp_path_factory.mktemp(name) for name in ("whole", "cut", "best", "two"))
    stop = ["+callbacks.stop._target_=helpers.interrupt.InterruptAt", "+callbacks.stop.name=SIGKILL"]
    stop += ["+callbacks.stop.batch=14", "+callbacks.stop.job=1", "checkpoint_every_n_steps=3"]  # of 10 in an epoch
    killed = commands.train(*ONE, *stop, "hydra.sweeper.n_trials=4", f"hydra.sweep.dir={cut}")
    before = {path: path.stat().st_mtime_ns for path in cut.glob("*/metrics.json")}
    fail = ["+callbacks.fail._target_=helpers.interrupt.FailAtStart", "+callbacks.fail.job=1"]
    runs = {
        "cut": [*ONE, "hydra.sweeper.n_trials=6", f"hydra.sweep.dir={cut}"],
        "whole": [*ONE, "hydra.sweeper.n_trials=6", f"hydra.sweep.dir={whole}"],
        "other": [*ONE, "trainer.max_epochs=4", f"hydra.sweep.dir={whole}"],
        "best": [f"--config-dir={whole}", "experiment=best", f"hydra.run.dir={best}"],
        "two": [*TWO, *fail, f"hydra.sweep.dir={two}"],
    }
    script = COMMANDS.format(commands=list(runs.values()))
    env = {**os.environ, "PYTHONPATH": f"{commands.REPOSITORY / 'src'}:{commands.REPOSITORY / 'tests'}"}
    out = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    done = subprocess.run([sys.executable, "-u", "-c", script], **out, text=True, check=False, env=env)
    assert done.returncode == 0, done.stdout
    printed = dict(zip(runs, done.stdout.split("<end of a command>"), strict=False))
    return Searches(whole, cut, best, two, killed.returncode, before, printed)


def trials_of(sweep_dir: Path) -> list[FrozenTrial]:
    return optuna.load_study(study_name="search", storage=f"sqlite:///{sweep_dir}/study.db").get_trials()


def figures(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "metrics.json").read_text())


@pytest.mark.slow
def test_an_interrupted_search_makes_the_trials_that_it_would_have_made(searches: Searches) -> None:
    assert searches.killed == -9
    assert searches.finished_before, "else there would be nothing to repeat"
    assert {path: path.stat().st_mtime_ns for path in searches.finished_before} == searches.finished_before
    assert "interrupted before, resumed" in searches.printed["cut"]
    assert "exit status 0" in searches.printed["cut"]

    known = [
        [(trial.number, trial.state, trial.params, trial.values, trial.intermediate_values) for trial in trials]
        for trials in (trials_of(searches.whole), trials_of(searches.cut))
    ]
    assert known[0] == known[1]
    assert len(known[0]) == 6, "as many in all as the last command planned"
    assert len({json.dumps(trial.params) for trial in trials_of(searches.whole)}) == 6, "none is a replay of another"
    for name in ("report.csv", "report.md"):
        assert (searches.whole / name).read_bytes() == (searches.cut / name).read_bytes()


@pytest.mark.slow
def test_another_search_in_the_same_folder_is_refused(searches: Searches) -> None:
    assert "trainer.max_epochs=4: the folder" in searches.printed["other"]
    assert len(trials_of(searches.whole)) == 6


@pytest.mark.slow
def test_hopeless_trials_are_stopped_and_told_apart_from_failures(searches: Searches) -> None:
    trials = trials_of(searches.whole)
    pruned = [trial for trial in trials if trial.state is TrialState.PRUNED]
    assert pruned
    assert "exit status 0" in searches.printed["whole"], "a pruned trial is no failure"
    for trial in pruned:
        epoch = max(trial.intermediate_values)
        finished = [other for other in trials[: trial.number] if other.state is TrialState.COMPLETE]
        assert len(finished) >= 2
        assert epoch < 2, "a trial in its last epoch has nothing left to save"
        best = max(trial.intermediate_values.values())
        assert best < median(other.intermediate_values[epoch] for other in finished)
        folder = searches.whole / str(trial.number)
        assert not (folder / "metrics.json").exists()
        line = f"seed=0): pruned: val/elbo={trial.intermediate_values[epoch]:.6g} in epoch {epoch + 1}"
        assert line in (searches.whole / "report.md").read_text()
    assert f"{6 - len(pruned)} finished, {len(pruned)} pruned" in searches.printed["whole"]


@pytest.mark.slow
def test_the_report_has_a_row_for_each_finished_trial(searches: Searches) -> None:
    lines = (searches.whole / "report.csv").read_text().splitlines()
    assert lines[0].startswith("latent_dim,optimizer.lr,seeds,val/elbo,")
    finished = [trial for trial in trials_of(searches.whole) if trial.state is TrialState.COMPLETE]
    assert {tuple(line.split(",")[:2]) for line in lines[1:] if line.split(",")[2] == "1"} == {
        (str(trial.params["latent_dim"]), str(trial.params["optimizer.lr"])) for trial in finished
    }


@pytest.mark.slow
def test_the_best_configuration_trains_as_it_is(searches: Searches) -> None:
    runs = {path.parent.name: figures(path.parent) for path in searches.whole.glob("*/metrics.json")}
    best = max(runs, key=lambda name: runs[name]["val/elbo"])
    assert f"trial {best}, val/elbo={runs[best]['val/elbo']:.6g}" in searches.printed["whole"]
    assert f"python -m vae_lab.train --config-dir={searches.whole} experiment=best" in searches.printed["whole"]
    timed = {"train_seconds", "images_per_second"}
    again = figures(searches.best)
    assert {key: again[key] for key in again if key not in timed} == {
        key: runs[best][key] for key in runs[best] if key not in timed
    }
    searched, trained = (
        flat_settings(known)
        for run in (searches.whole / best, searches.best)
        if (known := RunFolder(run).read_config())
    )
    assert trained == searched | {"callbacks.figures": None}


@pytest.mark.slow
def test_two_figures_have_a_front(searches: Searches) -> None:
    told = searches.printed["two"]
    assert "exit status 1 of the sweep's jobs failed" in told
    assert "4 trials: 3 finished, 1 failed" in told
    assert "- 1 (" in (searches.two / "report.md").read_text()
    points = {
        path.parent.name: (figures(path.parent)["val/rate"], figures(path.parent)["val/distortion"])
        for path in searches.two.glob("*/metrics.json")
    }
    front = {
        name
        for name, (rate, distortion) in points.items()
        if not any(other[0] < rate and other[1] < distortion for other in points.values())
    }
    assert {path.stem for path in (searches.two / "experiment").iterdir()} == {f"front_{name}" for name in front}
    for name in front:
        experiment = OmegaConf.load(searches.two / "experiment" / f"front_{name}.yaml")
        assert {"override /objective": "beta"} in experiment.defaults
        chosen = trials_of(searches.two)[int(name)].params
        assert experiment.objective.beta == chosen["objective.beta"]
        assert experiment.latent_dim == chosen["latent_dim"]
        assert chosen["latent_dim"] in (2, 4, 6, 8)
        assert str(experiment.model.hidden_sizes) == chosen["model.hidden_sizes"].replace(",", ", ")


@pytest.mark.slow
@pytest.mark.parametrize("name", parts.names("search"))
def test_ready_search_space_is_sound(name: str) -> None:
    """At both ends of every range, and at every choice."""
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        sweeper = compose_with_hydra("train", [f"search={name}"]).hydra.sweeper
        values: dict[str, list[Any]] = {}
        for override in overrides_of(sweeper, []):
            value = override.value()
            ends = [value.start, value.end] if override.is_interval_sweep() else [value]
            tried = list(override.sweep_string_iterator()) if override.is_discrete_sweep() else ends
            values[override.key_or_group] = tried
        for place in range(max(map(len, values.values()))):
            chosen = [f"{key}={tried[min(place, len(tried) - 1)]}" for key, tried in values.items()]
            check(compose_checked("train", [f"search={name}", *chosen]))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ([], "there is nothing to search; choose a ready search space"),
        ([LEARNING_RATE, "latent_dim=-3"], "latent_dim=-3: it must be greater than 0"),
        ([LEARNING_RATE, "hydra.sweeper.metric=test/nll"], "metric=test/nll: .* choose val/nll"),
        ([LEARNING_RATE, "hydra.sweeper.metric=val/elbow"], r"val/elbow: .* did you mean 'elbo'\?"),
        ([LEARNING_RATE, "hydra.sweeper.metric=[val/elbo,val/rate,val/nll]"], "expected one metric or two"),
        ([LEARNING_RATE, "hydra.sweeper.n_trials=0"], "n_trials=0: expected a whole number of at least 1"),
        ([LEARNING_RATE, "hydra.sweeper.storage=null"], "storage=null: a search finds its trials by it"),
        ([LEARNING_RATE, "hydra/sweeper/sampler=cmaes"], "Available options .* nsgaii; random; tpe"),
        (["search=mlp", "model.hidden_size=3"], "did you mean 'model.hidden_sizes'"),
    ],
)
def test_a_search_that_cannot_work_is_one_line(overrides: list[str], message: str) -> None:
    overrides = ["hydra/sweeper=search", *overrides]
    with initialize_config_dir(str(conf_dir()), version_base="1.3"), pytest.raises(UserError, match=message):
        check_sweep("train", compose_with_hydra("train", overrides).hydra, overrides)


def test_a_search_without_its_package_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    for override in ("search=mlp", "hydra/sweeper=search"):
        check_plugins([override, "search=null"])
        with monkeypatch.context() as without:
            without.setattr("vae_lab.sweeps.plugins.find_spec", lambda name: None)
            with pytest.raises(UserError, match=rf"{override}: .* pip install 'vae_lab\[search\]'"):
                check_plugins([override])
    with pytest.raises(UserError, match="use hydra/sweeper=search"):
        check_plugins(["hydra/sweeper=optuna"])
