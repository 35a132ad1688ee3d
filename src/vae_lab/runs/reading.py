"""Read the runs of a report, finished or not, from their folders."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from omegaconf import DictConfig

from vae_lab.errors import UserError
from vae_lab.runs.fingerprint import flat_settings
from vae_lab.runs.folder import RunFolder
from vae_lab.runs.planned import planned_overrides
from vae_lab.runs.saved_yaml import mapping_at, read_plain_yaml

Status = Literal["finished", "pruned", "failed", "unfinished", "not started"]


@dataclass(frozen=True)
class Run:
    """A run of a report.

    Attributes:
        name: its folder, relative to that of the sweep.
        folder: its folder.
        status: how far it got.
        settings: its settings by dotted key; for a run that did not start, the overrides of its job.
        choices: its choices by config group.
        metrics: its metrics; empty unless it finished.
        overridden: the keys of the settings that the command line gave.
        reason: why it failed or was pruned.
    """

    name: str
    folder: Path
    status: Status
    settings: dict[str, object]
    choices: dict[str, str | None] = field(default_factory=dict)
    metrics: dict[str, float | int | str] = field(default_factory=dict)
    overridden: frozenset[str] = frozenset()
    reason: str = ""

    @property
    def seed(self) -> object:
        """The seed of the run."""
        return self.settings.get("seed")


def read_runs(folders: Sequence[Path]) -> list[Run]:
    """Read all runs in the given folders, in the order of their jobs.

    Args:
        folders: the folders of sweeps and of runs.

    Raises:
        UserError: if a folder holds no run.
    """
    runs: dict[Path, Run] = {}
    for folder in folders:
        found = {path.parents[1] for path in folder.rglob(".hydra/config.yaml")}
        waiting = {folder / name: job for name, job in planned_overrides(folder).items() if folder / name not in found}
        if not found and not waiting:
            raise UserError(f"sweep={folder}: there is no run in this folder")
        for run_dir in sorted([*found, *waiting], key=lambda path: natural_sort_key(str(path))):
            name = str(run_dir.relative_to(folder)) if len(folders) == 1 and run_dir != folder else str(run_dir)
            job = waiting.get(run_dir)
            run = read_run(name, run_dir) if job is None else not_started(name, run_dir, job)
            runs.setdefault(run_dir.resolve(), run)  # a run that is given twice counts once
    return list(runs.values())


def read_run(name: str, folder: Path) -> Run:
    """Read a run that was started.

    Args:
        name: the name of the run in the report.
        folder: its folder.
    """
    files = RunFolder(folder)
    config = files.read_config()
    assert config is not None
    settings = flat_settings(config)
    choices = choices_of(folder, config)
    given = overridden_keys(folder)
    if files.metrics.is_file():
        return Run(name, folder, "finished", settings, choices, json.loads(files.metrics.read_text()), given)
    ends: dict[Status, Path] = {"pruned": files.pruned, "failed": files.failed}
    for status, path in ends.items():
        if path.is_file():
            return Run(name, folder, status, settings, choices, {}, given, path.read_text().partition("\n")[0])
    return Run(name, folder, "unfinished", settings, choices, {}, given)


def not_started(name: str, folder: Path, job: Sequence[str]) -> Run:
    """Return a run that was planned and has not started.

    Args:
        name: the name of the run in the report.
        folder: its future folder.
        job: the overrides of its job.
    """
    overrides = dict(override.lstrip("+~").split("=", 1) for override in job if "=" in override)
    return Run(name, folder, "not started", dict(overrides))


def overridden_keys(folder: Path) -> frozenset[str]:
    """Return the dotted keys that a run's command line set."""
    path = RunFolder(folder).overrides
    if not path.is_file():
        return frozenset()
    return frozenset(str(override).lstrip("+~").partition("=")[0] for override in read_plain_yaml(path))


def choices_of(folder: Path, config: DictConfig) -> dict[str, str | None]:
    """Return the choices of the config groups; if Hydra's record is missing, the names of the classes instead."""
    recorded = RunFolder(folder).read_hydra_config()
    if recorded is not None:
        chosen = mapping_at(recorded, "hydra", "runtime", "choices")
        return {str(group): name for group, name in chosen.items() if not str(group).startswith("hydra/")}
    nodes = {str(group): node for group, node in config.items() if isinstance(node, DictConfig) and "_target_" in node}
    return {group: str(node["_target_"]).rpartition(".")[2] for group, node in nodes.items()}


def natural_sort_key(name: str) -> list[tuple[int, str]]:
    """Return a sort key that orders numbers inside names by their value: 2 before 10.

    >>> sorted(["run 10", "run 2"], key=natural_sort_key)
    ['run 2', 'run 10']
    """
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)]
