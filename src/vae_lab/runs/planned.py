"""The runs that a sweep consists of, according to its command line."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from omegaconf import DictConfig, OmegaConf

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
    """
    ready = [f"{key}={value}" for key, value in (hydra.sweeper.get("params") or {}).items()]
    overrides = [override for override in parse([*ready, *arguments]) if not override.is_hydra_override()]
    (jobs,) = BasicSweeper.split_arguments(overrides, None)
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
        known = {"sweeper": {"_target_": sweeper["_target_"], "params": sweeper.get("params")}}
        tasks = [str(task) for task in hydra["overrides"]["task"]]
    except (KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{path}: this file is damaged ({error!r})") from error
    if subdir != NUMBERED or not is_grid(OmegaConf.create(known)):
        return {}
    jobs = grid(OmegaConf.create(known), tasks)
    common = set.intersection(*map(set, jobs))
    return {str(number): [each for each in job if each not in common] for number, job in enumerate(jobs)}
