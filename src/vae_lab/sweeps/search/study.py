"""The study of a search: its storage, its samplers, and what it is told of each trial."""

import logging
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import optuna
from hydra.core.utils import JobReturn
from hydra.utils import instantiate
from omegaconf import DictConfig
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.study import StudyDirection
from optuna.trial import Trial, TrialState

from vae_lab.errors import UserError
from vae_lab.reports.quantities import quantity
from vae_lab.runs.folder import RunFolder
from vae_lab.runs.reading import read_run
from vae_lab.sweeps.search.settings import metrics_of
from vae_lab.sweeps.search.storage import storage_at

FOLDER = "folder"  # the attribute of a trial that says where its run is


def open_study(sweeper: DictConfig) -> optuna.Study:
    """The study of a search, made where there is none yet; the directions are those that are better."""
    optuna.logging.set_verbosity(logging.WARNING)
    better = {True: StudyDirection.MAXIMIZE, False: StudyDirection.MINIMIZE}
    return optuna.create_study(
        study_name=sweeper.study_name,
        storage=storage_at(sweeper.storage),
        pruner=instantiate(sweeper.pruner) if sweeper.pruner is not None else optuna.pruners.NopPruner(),
        directions=[better[quantity(metric).higher_is_better] for metric in metrics_of(sweeper)],
        load_if_exists=True,
    )


def sampler_of(sweeper: DictConfig, number: int) -> BaseSampler:
    """What chooses a trial.

    Its random state follows from the seed and the number of the trial alone, so that a search which was interrupted
    makes the trials that it would have made; one state for the whole command would begin with the first trials again.
    """
    seed = np.random.SeedSequence([sweeper.sampler.seed or 0, number]).generate_state(1)[0]
    sampler: BaseSampler = instantiate(sweeper.sampler, seed=int(seed))
    return sampler


def next_trials(study: optuna.Study, sweeper: DictConfig, space: dict[str, BaseDistribution]) -> list[Trial]:
    """The trials to run next, all their values chosen: those that an interruption left, then new ones; at last none.

    Their numbers follow on each other.
    """
    trials = study.get_trials(deepcopy=False)
    waiting = [trial for trial in trials if trial.state is TrialState.RUNNING]
    first = waiting[0].number if waiting else len(trials)
    last = min(first + sweeper.n_jobs, len(trials) if waiting else sweeper.n_trials)
    chosen = []
    for number in range(first, last):
        study.sampler = sampler_of(sweeper, number)
        trial = Trial(study, waiting[number - first]._trial_id) if waiting else study.ask()
        for key, distribution in space.items():
            trial._suggest(key, distribution)  # a value that it has already remains
        chosen.append(trial)
    return chosen


def trial_in(study: optuna.Study, number: int) -> tuple[Trial, set[int]]:
    """A running trial by its number, and the epochs that it has reported."""
    trial = study.get_trials(deepcopy=False)[number]
    return Trial(study, trial._trial_id), set(trial.intermediate_values)


def conclude(study: optuna.Study, number: int, returned: JobReturn, metrics: Sequence[str], sweep_dir: Path) -> None:
    """Tell the study how a trial ended, as its run's folder says.

    Args:
        study: the study, opened after the trial was run.
        number: of the trial.
        returned: what Hydra returned for it.
        metrics: the figures that the search is for.
        sweep_dir: the folder of the search.

    Raises:
        UserError: where the run finished without one of the figures.
        Exception: what ended the run, where it came to no folder that could say so.
    """
    assert returned.hydra_cfg is not None
    run = RunFolder(Path(returned.hydra_cfg.hydra.runtime.output_dir))
    trial, _ = trial_in(study, number)
    trial.set_user_attr(FOLDER, os.path.relpath(run.path, sweep_dir))
    if run.metrics.is_file():
        figures = read_run(run.path.name, run.path).metrics
        for metric in metrics:
            if metric not in figures:
                known = ", ".join(name for name in figures if name.startswith("val/"))
                raise UserError(f"hydra.sweeper.metric={metric}: a run of this model has none; choose one of {known}")
        study.tell(trial, [float(figures[metric]) for metric in metrics])
    elif run.pruned.is_file():
        study.tell(trial, state=TrialState.PRUNED)
    elif run.failed.is_file():
        study.tell(trial, state=TrialState.FAIL)
    else:
        _ = returned.return_value  # raises
        raise UserError(f"{run.path}: its run ended without a result; start the same command again")
