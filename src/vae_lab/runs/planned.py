"""The runs that a sweep consists of, according to its command line."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from omegaconf import DictConfig, OmegaConf

from vae_lab.configuration.overrides import parse
from vae_lab.runs.folder import folder_of

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
    """Return the swept overrides of each job of a sweep, by the job's folder; empty if the sweep is not a grid."""
    path = sweep_dir / "multirun.yaml"
    if not path.is_file():
        return {}
    config = OmegaConf.load(path)
    assert isinstance(config, DictConfig)
    if not is_grid(config.hydra):
        return {}
    jobs = grid(config.hydra, config.hydra.overrides.task)
    common = set.intersection(*map(set, jobs))
    return {
        str(folder_of(config, number).relative_to(config.hydra.sweep.dir)): [each for each in job if each not in common]
        for number, job in enumerate(jobs)
    }
