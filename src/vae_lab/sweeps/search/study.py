"""The study of a search: its storage, its samplers, and the results of its trials."""

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
    """Open the study of a search, in the better direction of each metric; it is made if it does not exist."""
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
    """Return the sampler that chooses a trial.

    Its random state depends on the seed and the number of the trial only, so an interrupted search continues with the
    trials that it would have made. With one state for the whole command it would repeat the first trials.
    """
    seed = np.random.SeedSequence([sweeper.sampler.seed or 0, number]).generate_state(1)[0]
    sampler: BaseSampler = instantiate(sweeper.sampler, seed=int(seed))
    return sampler


def next_trials(study: optuna.Study, sweeper: DictConfig, space: dict[str, BaseDistribution]) -> list[Trial]:
    """Choose the trials to run next: first those that an interruption left, then new ones.

    Args:
        study: the study.
        sweeper: the settings of the search.
        space: the distribution of each searched key.

    Returns:
        Trials with consecutive numbers and all their values; none if the search is complete.
    """
    trials = study.get_trials(deepcopy=False)
    waiting = [trial for trial in trials if trial.state is TrialState.RUNNING]
    first = waiting[0].number if waiting else len(trials)
    last = min(first + sweeper.n_jobs, len(trials) if waiting else sweeper.n_trials)
    chosen = []
    for number in range(first, last):
        study.sampler = sampler_of(sweeper, number)
        trial = Trial(study, waiting[number - first]._trial_id) if waiting else study.ask()
        check_keys(trial, space)
        for key, distribution in space.items():
            trial._suggest(key, distribution)  # does not change a value that the trial already has
        chosen.append(trial)
    return chosen


def check_keys(trial: Trial, space: dict[str, BaseDistribution]) -> None:
    """Refuse a trial with values of keys that are not searched: they would become overrides of its job.

    Raises:
        UserError: one line with the trial.
    """
    other = sorted(trial.params.keys() - space.keys())
    if other:
        raise UserError(
            f"trial {trial.number} of the study has a value of {other[0]}, which this search does not choose; the "
            "study is another search's: choose another hydra.sweep.dir"
        )


def running_trial(study: optuna.Study, number: int) -> tuple[Trial, set[int]]:
    """Return a running trial by its number, and the epochs that it has reported."""
    trial = study.get_trials(deepcopy=False)[number]
    return Trial(study, trial._trial_id), set(trial.intermediate_values)


def conclude(study: optuna.Study, number: int, returned: JobReturn, metrics: Sequence[str], sweep_dir: Path) -> None:
    """Record in the study how a trial ended, according to its run's folder.

    Args:
        study: the study, opened after the trial was run.
        number: the number of the trial.
        returned: Hydra's result of the job.
        metrics: the metrics that the search optimises.
        sweep_dir: the folder of the search.

    Raises:
        UserError: if the run finished without one of the metrics.
        Exception: the error of the run, if its folder does not record it.
    """
    assert returned.hydra_cfg is not None
    run = RunFolder(Path(returned.hydra_cfg.hydra.runtime.output_dir))
    trial, _ = running_trial(study, number)
    trial.set_user_attr(FOLDER, os.path.relpath(run.path, sweep_dir))
    if run.metrics.is_file():
        found = read_run(run.path.name, run.path).metrics
        for metric in metrics:
            if metric not in found:
                known = ", ".join(name for name in found if name.startswith("val/"))
                raise UserError(
                    f"hydra.sweeper.metric={metric}: the runs of this model do not have it; choose one of {known}"
                )
        study.tell(trial, [float(found[metric]) for metric in metrics])
    elif run.pruned.is_file():
        study.tell(trial, state=TrialState.PRUNED)
    elif run.failed.is_file():
        study.tell(trial, state=TrialState.FAIL)
    else:
        _ = returned.return_value  # raises the error of the job, if there is one
        raise UserError(f"{run.path}: the run ended without a result; repeat the same command to resume it")
