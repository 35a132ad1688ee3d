"""The jobs of a sweep, before any of them starts."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from omegaconf import DictConfig, OmegaConf

from vae_lab.configuration.check import check
from vae_lab.configuration.overrides import compose_with_hydra, parse, without_hydra
from vae_lab.errors import UserError
from vae_lab.search.settings import check_search, is_search
from vae_lab.sweeps.folder import check_same_run, folder_of

GRID = f"{BasicSweeper.__module__}.{BasicSweeper.__qualname__}"
GPUS = "hydra_plugins.hydra_gpus_launcher.launcher.GpusLauncher"


def is_grid(hydra: Any) -> bool:
    """Whether a sweep is Hydra's own: all combinations, known from the start."""
    return str(hydra.sweeper["_target_"]) == GRID


def grid(hydra: DictConfig, arguments: Sequence[str]) -> list[list[str]]:
    """The overrides of each job, in the order in which Hydra numbers them.

    Args:
        hydra: Hydra's own configuration, with what a ready sweep varies.
        arguments: the overrides of the command line, which win over those of a ready sweep.
    """
    ready = [f"{key}={value}" for key, value in (hydra.sweeper.get("params") or {}).items()]
    overrides = [override for override in parse([*ready, *arguments]) if not override.is_hydra_override()]
    (jobs,) = BasicSweeper.split_arguments(overrides, None)
    return jobs


def check_sweep(config_name: str, hydra: DictConfig, arguments: Sequence[str]) -> None:
    """Refuse a sweep with a value that works in none of its jobs, nowhere to run, or a folder that holds other runs.

    A combination that contradicts itself, of values that work elsewhere in the sweep, is left to its job to report; so
    are most jobs of a sweeper that only chooses them as it goes.
    Hydra must have been initialised with the folder of the configuration.

    Args:
        config_name: the YAML of the defaults.
        hydra: Hydra's own configuration.
        arguments: the overrides of the command line.

    Raises:
        UserError: one line, before anything is trained or written.
    """
    if hydra.launcher["_target_"] == GPUS:
        # Not for other sweeps: it imports torch, to count GPUs.
        from vae_lab.sweeps.gpus import places, visible_gpus

        places(visible_gpus(), hydra.launcher.runs_per_gpu)
    if is_search(hydra):
        check_search(config_name, hydra, arguments)
    if not is_grid(hydra):
        return
    own = [override.input_line or "" for override in parse(arguments) if override.is_hydra_override()]
    sound: set[str] = set()
    refused: dict[str, UserError] = {}
    for number, job in enumerate(grid(hydra, arguments)):
        config = compose_with_hydra(config_name, [*own, *job])
        folder = folder_of(config, number)
        config = without_hydra(config)
        try:
            check(config)
            sound.update(job)
        except UserError as error:
            for override in job:
                refused.setdefault(override, error)
        else:
            check_same_run(folder, config)
    for override, reason in refused.items():
        if override not in sound:
            raise reason


def planned(sweep_dir: Path) -> dict[str, list[str]]:
    """What is swept in each job that a folder was made for, by the job's own folder; empty where that is not known."""
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
