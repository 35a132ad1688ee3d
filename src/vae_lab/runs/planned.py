"""The runs that a sweep consists of, according to its command line."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.errors import HydraException
from omegaconf import DictConfig

from vae_lab.configuration.costs import check_jobs
from vae_lab.configuration.overrides import parse
from vae_lab.errors import UserError
from vae_lab.runs.saved_yaml import read_mapping

NUMBERED = "${hydra.job.num}"  # the subfolder of a job in conf/train.yaml
GRID = f"{BasicSweeper.__module__}.{BasicSweeper.__qualname__}"


def is_grid(hydra: Any) -> bool:
    """Return whether a sweep is Hydra's own grid of all combinations, which is known from the start."""
    return str(hydra.sweeper["_target_"]) == GRID


def grid(hydra: DictConfig, arguments: Sequence[str]) -> list[list[str]]:
    """Return the overrides of each job, in the order in which Hydra numbers them.

    Args:
        hydra: Hydra's own configuration, with the values of a ready sweep.
        arguments: the overrides of the command line, which replace those of a ready sweep.

    Raises:
        UserError: if there are more jobs than any machine could run.
    """
    return combinations(hydra.sweeper.get("params") or {}, arguments)


def combinations(params: Mapping[str, Any], arguments: Sequence[str]) -> list[list[str]]:
    """Return the overrides of each job of a grid; see `grid`.

    Args:
        params: the values of a ready sweep, by key.
        arguments: the overrides of the command line, which replace those of a ready sweep.

    Raises:
        UserError: if an override does not parse, or the jobs cannot be listed.
    """
    ready = [f"{key}={value}" for key, value in params.items()]
    overrides = [override for override in parse([*ready, *arguments]) if not override.is_hydra_override()]
    check_jobs(overrides)
    try:
        (jobs,) = BasicSweeper.split_arguments(overrides, None)
    except (HydraException, ValueError) as error:  # such as an interval, or a step of 0
        raise UserError(f"{' '.join(arguments)}: it is no grid ({' '.join(str(error).split())})") from error
    return jobs


def planned_overrides(sweep_dir: Path) -> dict[str, list[str]]:
    """Return the swept overrides of each job of a sweep, by the job's folder; empty if the sweep is not a grid.

    Nothing in the sweep's file is computed, except the number of a job; without that the folders are not known.

    Raises:
        UserError: if the file is damaged.
    """
    path = sweep_dir / "multirun.yaml"
    if not path.is_file():
        return {}
    try:
        hydra = read_mapping(path)["hydra"]
        subdir, sweeper = str(hydra["sweep"]["subdir"]), hydra["sweeper"]
        target, params = str(sweeper["_target_"]), dict(sweeper.get("params") or {})
        tasks = [str(task) for task in hydra["overrides"]["task"]]
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise UserError(f"{path}: this file is damaged ({error!r})") from error
    if subdir != NUMBERED or target != GRID:
        return {}
    try:
        jobs = combinations(params, tasks)
    except UserError as error:
        raise UserError(f"{path}: {error}") from error
    common = set.intersection(*map(set, jobs)) if jobs else set()
    return {str(number): [each for each in job if each not in common] for number, job in enumerate(jobs)}
