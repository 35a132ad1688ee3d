"""Studies without training: what their trials follow from, and who else reads the database."""

import io
import json
import sqlite3
from itertools import pairwise
from pathlib import Path
from typing import Any
from wsgiref.util import setup_testing_defaults

import pytest
from hydra import initialize_config_dir
from omegaconf import DictConfig
from optuna.trial import FrozenTrial

from helpers import parts
from vae_lab.configuration.overrides import compose_with_hydra, parse
from vae_lab.configuration.paths import conf_dir
from vae_lab.errors import UserError
from vae_lab.sweeps.search.distributions import distribution_of
from vae_lab.sweeps.search.study import next_trials, open_study

SPACE = ["lr=tag(log,interval(0.0001,1))", "width=int(interval(1,9))", "depth=range(0,1,0.25)", "net=choice(mlp,[8,8])"]
EAGER = {"tpe": "n_startup_trials", "nsgaii": "population_size"}  # the trials before a sampler learns from any
ONE, TWO = "val/elbo", "[val/rate,val/distortion]"


def settings(sweep_dir: Path, *overrides: str) -> DictConfig:
    overrides = ("hydra/sweeper=search", f"hydra.sweep.dir={sweep_dir}", "hydra.sweeper.n_trials=6", *overrides)
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        hydra: DictConfig = compose_with_hydra("train", overrides).hydra
    return hydra.sweeper


def searched(sweeper: DictConfig, *, interrupted: bool = False) -> list[FrozenTrial]:
    """The trials of a search, each opened anew and, at wish, interrupted before it ends."""
    space = {override.key_or_group: distribution_of(override) for override in parse(SPACE)}
    figures = 1 if isinstance(sweeper.metric, str) else 2
    while trials := next_trials(open_study(sweeper), sweeper, space):
        if interrupted:
            trials = next_trials(open_study(sweeper), sweeper, space)
        study = open_study(sweeper)
        for trial in trials:
            lr, width = trial.params["lr"], trial.params["width"]
            study.tell(trial.number, [lr * width, (lr - 0.1) ** 2 + width][:figures])
    return open_study(sweeper).get_trials()


@pytest.mark.slow
@pytest.mark.parametrize("metric", [ONE, TWO])
@pytest.mark.parametrize("sampler", parts.names("hydra/sweeper/sampler"))
def test_an_interruption_changes_no_trial(tmp_path: Path, sampler: str, metric: str) -> None:
    chosen = [f"hydra/sweeper/sampler={sampler}", f"hydra.sweeper.metric={metric}", "hydra.sweeper.n_jobs=2"]
    chosen += [f"hydra.sweeper.sampler.{EAGER[sampler]}=2"] if sampler in EAGER else []
    known = []
    for name, interrupted in (("whole", False), ("cut", True)):
        (tmp_path / name).mkdir()
        trials = searched(settings(tmp_path / name, *chosen), interrupted=interrupted)
        known.append([(trial.number, trial.params, trial.values) for trial in trials])
    assert known[0] == known[1]
    assert [number for number, *_ in known[0]] == list(range(6))
    assert all(before[1] != after[1] for before, after in pairwise(known[0]))


@pytest.mark.slow
def test_trials_follow_from_the_seed(tmp_path: Path) -> None:
    space = {override.key_or_group: distribution_of(override) for override in parse(SPACE)}
    first = []
    for seed in (0, 1):
        (tmp_path / str(seed)).mkdir()
        sweeper = settings(tmp_path / str(seed), f"hydra.sweeper.sampler.seed={seed}")
        first.append(next_trials(open_study(sweeper), sweeper, space)[0].params)
    assert first[0] != first[1]


def test_a_study_of_another_optuna_is_one_line(tmp_path: Path) -> None:
    sweeper = settings(tmp_path)
    open_study(sweeper)
    with sqlite3.connect(tmp_path / "study.db") as database:
        database.execute("UPDATE alembic_version SET version_num = 'v2.6.0.a'")  # as optuna 2.10 leaves it
    database.close()
    told = rf"another version of optuna .* 'optuna storage upgrade --storage sqlite:///{tmp_path}/study.db'"
    with pytest.raises(UserError, match=told):
        open_study(sweeper)


@pytest.mark.slow
def test_the_dashboard_reads_a_study(tmp_path: Path) -> None:
    dashboard = pytest.importorskip("optuna_dashboard", reason="needs the package optuna-dashboard")
    sweeper = settings(tmp_path)
    trials = searched(sweeper)
    application = dashboard.wsgi(sweeper.storage)

    def answer(path: str) -> dict[str, Any]:
        environment: dict[str, Any] = {"PATH_INFO": path, "wsgi.input": io.BytesIO()}
        setup_testing_defaults(environment)
        return json.loads(b"".join(application(environment, lambda *_: None)))

    (study,) = answer("/api/studies")["study_summaries"]
    assert (study["study_name"], study["directions"]) == ("search", ["maximize"])
    shown = answer(f"/api/studies/{study['study_id']}")["trials"]
    assert [trial["values"] for trial in shown] == [trial.values for trial in trials]
    for known, trial in zip(trials, shown, strict=True):
        told = {parameter["name"]: parameter["param_external_value"] for parameter in trial["params"]}
        assert told == {name: str(value) for name, value in known.params.items()}
