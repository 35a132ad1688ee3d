"""Read the runs of a report, finished or not, from their folders."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from omegaconf import DictConfig

from vae_lab.errors import UserError, explain_os_error
from vae_lab.runs.fingerprint import flat_settings
from vae_lab.runs.folder import RunFolder
from vae_lab.runs.metrics import Metrics, read_metrics
from vae_lab.runs.planned import planned_overrides
from vae_lab.runs.saved_yaml import mapping_at, read_names

Status = Literal["finished", "pruned", "failed", "unfinished", "not started", "unreadable"]

MAX_REASON = 2000  # characters


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
        reason: why it failed, was pruned, or cannot be read.
    """

    name: str
    folder: Path
    status: Status
    settings: dict[str, object]
    choices: dict[str, str | None] = field(default_factory=dict)
    metrics: Metrics = field(default_factory=dict)
    overridden: frozenset[str] = frozenset()
    reason: str = ""

    @property
    def seed(self) -> object:
        """The seed of the run."""
        return self.settings.get("seed")


def read_runs(folders: Sequence[Path]) -> list[Run]:
    """Read all runs in the given folders, in the order of their jobs; a damaged file of one does not hide the others.

    Args:
        folders: the folders of sweeps and of runs.

    Raises:
        UserError: if a folder holds no run.
    """
    runs: dict[Path, Run] = {}
    for folder in folders:
        found = {path.parents[1] for path in folder.rglob(".hydra/config.yaml")}
        try:
            planned = planned_overrides(folder)
        except (UserError, OSError) as error:
            if not found:
                raise
            planned = {}
            reason = f"{reason_of(error)}; the jobs that did not start are not known"
            runs[(folder / "multirun.yaml").resolve()] = Run("multirun.yaml", folder, "unreadable", {}, reason=reason)
        waiting = {folder / name: job for name, job in planned.items() if folder / name not in found}
        if not found and not waiting:
            raise UserError(f"sweep={folder}: there is no run in this folder")
        for run_dir in sorted([*found, *waiting], key=lambda path: natural_sort_key(str(path))):
            name = str(run_dir.relative_to(folder)) if len(folders) == 1 and run_dir != folder else str(run_dir)
            job = waiting.get(run_dir)
            run = read_or_say_why(name, run_dir) if job is None else not_started(name, run_dir, job)
            runs.setdefault(run_dir.resolve(), run)  # a run that is given twice counts once
    return list(runs.values())


def read_or_say_why(name: str, folder: Path) -> Run:
    """Read a run that was started; if one of its files is damaged, the run says so instead."""
    try:
        return read_run(name, folder)
    except (UserError, OSError) as error:
        return Run(name, folder, "unreadable", {}, reason=reason_of(error))


def reason_of(error: UserError | OSError) -> str:
    """Return why something cannot be read, in one line that names the file."""
    return explain_os_error(error) if isinstance(error, OSError) else str(error)


def read_run(name: str, folder: Path) -> Run:
    """Read a run that was started.

    Args:
        name: the name of the run in the report.
        folder: its folder.

    Raises:
        UserError: one line with the file, if one is damaged.
    """
    files = RunFolder(folder)
    config = files.read_config()
    if config is None:
        raise UserError(f"{files.config}: expected a file with the run's configuration; it is none")
    settings = flat_settings(config)
    choices = choices_of(folder, config)
    given = overridden_keys(folder)
    if files.metrics.is_file():
        return Run(name, folder, "finished", settings, choices, read_metrics(files.metrics), given)
    ends: dict[Status, Path] = {"pruned": files.pruned, "failed": files.failed}
    for status, path in ends.items():
        if path.is_file():
            return Run(name, folder, status, settings, choices, {}, given, first_line(path))
    return Run(name, folder, "unfinished", settings, choices, {}, given)


def first_line(path: Path) -> str:
    """Return the first line of a text file, whatever else is in it."""
    with path.open(encoding="utf-8", errors="replace") as file:
        return file.readline(MAX_REASON).rstrip("\n")


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
    return frozenset(override.lstrip("+~").partition("=")[0] for override in read_names(path))


def choices_of(folder: Path, config: DictConfig) -> dict[str, str | None]:
    """Return the choices of the config groups; if Hydra's record is missing, the names of the classes instead."""
    recorded = RunFolder(folder).read_hydra_config()
    if recorded is not None:
        chosen = mapping_at(recorded, "hydra", "runtime", "choices")
        names = {str(group): None if name is None else str(name) for group, name in chosen.items()}
        return {group: name for group, name in names.items() if not group.startswith("hydra/")}
    nodes = {str(group): node for group, node in config.items() if isinstance(node, DictConfig) and "_target_" in node}
    return {group: str(node["_target_"]).rpartition(".")[2] for group, node in nodes.items()}


def natural_sort_key(name: str) -> list[tuple[int, str]]:
    """Return a sort key that orders numbers inside names by their value: 2 before 10.

    >>> sorted(["run 10", "run 2"], key=natural_sort_key)
    ['run 2', 'run 10']
    """
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", name)]
