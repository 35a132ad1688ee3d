"""Run a search, from its first trial to its best configuration."""

import logging
from collections.abc import Sequence
from pathlib import Path

from hydra.core.config_loader import ConfigLoader
from hydra.plugins.launcher import Launcher
from omegaconf import DictConfig, OmegaConf
from optuna.exceptions import StorageInternalError
from sqlalchemy.exc import SQLAlchemyError

from vae_lab.configuration.overrides import without_hydra
from vae_lab.errors import UserError
from vae_lab.runs.folder import as_config
from vae_lab.runs.same_run import check_same_settings
from vae_lab.runs.saved_yaml import read_mapping
from vae_lab.runs.sweep_folder import SweepFolder
from vae_lab.sweeps.search.best import write_best
from vae_lab.sweeps.search.distributions import distribution_of
from vae_lab.sweeps.search.settings import metrics_of, overrides_of
from vae_lab.sweeps.search.storage import explain_database_error
from vae_lab.sweeps.search.study import conclude, next_trials, open_study

log = logging.getLogger(__name__)


def search(config: DictConfig, loader: ConfigLoader, launcher: Launcher, arguments: Sequence[str]) -> None:
    """Run trials until their number is reached, and write the best one's configuration.

    A trial has the number of its job; the job's folder records how it ended. An interrupted search can be resumed:
    trials that were running are resumed, and those that ended are not repeated.

    Args:
        config: the configuration of the sweep.
        loader: composes configurations.
        launcher: runs jobs.
        arguments: the overrides of the command line.

    Raises:
        UserError: if the folder holds another search, or the database of the study fails.
    """
    sweeper, sweep_dir = config.hydra.sweeper, Path(config.hydra.sweep.dir)
    overrides = overrides_of(sweeper, arguments)
    fixed = [override.input_line or "" for override in overrides if not override.is_sweep_override()]
    searched = [override for override in overrides if override.is_sweep_override()]
    record_search(sweep_dir, loader.load_sweep_config(config, fixed), [each.input_line or "" for each in searched])

    metrics = metrics_of(sweeper)
    space = {each.get_key_element(): distribution_of(each) for each in searched}
    try:
        while trials := next_trials(open_study(sweeper), sweeper, space):
            jobs = [[*fixed, *(f"{key}={value}" for key, value in trial.params.items())] for trial in trials]
            returns = launcher.launch(jobs, initial_job_idx=trials[0].number)
            study = open_study(sweeper)  # again, since the open study does not contain what the jobs reported
            for trial, returned in zip(trials, returns, strict=True):
                conclude(study, trial.number, returned, metrics, sweep_dir)
    except (SQLAlchemyError, StorageInternalError) as error:
        raise UserError(explain_database_error(sweeper.storage, error)) from error
    print(write_best(open_study(sweeper), metrics, sweep_dir))


def record_search(sweep_dir: Path, config: DictConfig, space: Sequence[str]) -> None:
    """Record the settings of a search in its folder, after checking that the folder holds no other search.

    Args:
        sweep_dir: the folder of the search.
        config: the configuration that all trials share, with Hydra's own part.
        space: the overrides of the search space.

    Raises:
        UserError: if the folder holds a search with other settings, other metrics or another space.
    """
    folder = SweepFolder(sweep_dir)
    path = folder.sweep_config
    folder.check_replaceable(folder.experiments / "best.yaml")  # before hours of work
    config.hydra.overrides.task = list(space)
    if path.is_file():
        before = as_config(read_mapping(path), path)
        check_same_settings(search_settings(before), search_settings(config), f"the folder {sweep_dir} holds a search")
        folder.note(path, made=True)  # as searches of version 0.2 did not
    folder.save_yaml(path, config)


def search_settings(config: DictConfig) -> DictConfig:
    """Return the settings that decide the trials: those that all trials share, the metrics, and the search space."""
    shared = without_hydra(config)
    hydra = config.hydra
    searched = {"metric": hydra.sweeper.metric, "space": " ".join(sorted(hydra.overrides.task))}
    merged = OmegaConf.merge({"search": searched}, shared)
    assert isinstance(merged, DictConfig)
    return merged
