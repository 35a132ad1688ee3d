"""The runs of a report, finished or not, as their folders tell them."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from omegaconf import DictConfig, OmegaConf

from vae_lab.errors import UserError
from vae_lab.runs.folder import RunFolder
from vae_lab.runs.planned import planned_overrides
from vae_lab.runs.same_run import leaves

Status = Literal["finished", "pruned", "failed", "unfinished", "not started"]


@dataclass(frozen=True)
class Run:
    """What is known about a run."""

    name: str  # its folder, inside that of the sweep
    folder: Path
    status: Status
    settings: dict[str, object]  # by dotted key; of a run that did not start, what its command says
    choices: dict[str, str | None] = field(default_factory=dict)  # by config group
    metrics: dict[str, float | int | str] = field(default_factory=dict)  # empty unless finished
    overridden: frozenset[str] = frozenset()  # the settings that the command gave
    reason: str = ""  # why it failed or was pruned

    @property
    def seed(self) -> object:
        return self.settings.get("seed")


def read_runs(folders: Sequence[Path]) -> list[Run]:
    """All runs in the given folders, each a sweep or a run, in the order of their jobs.

    Raises:
        UserError: where a folder holds no run.
    """
    runs: dict[Path, Run] = {}
    for folder in folders:
        found = {path.parents[1] for path in folder.rglob(".hydra/config.yaml")}
        waiting = {folder / name: job for name, job in planned_overrides(folder).items() if folder / name not in found}
        if not found and not waiting:
            raise UserError(f"sweep={folder}: there is no run in this folder")
        for run_dir in sorted([*found, *waiting], key=lambda path: natural(str(path))):
            name = str(run_dir.relative_to(folder)) if len(folders) == 1 and run_dir != folder else str(run_dir)
            job = waiting.get(run_dir)
            run = read_run(name, run_dir) if job is None else not_started(name, run_dir, job)
            runs.setdefault(run_dir.resolve(), run)  # a run that is named twice is one run
    return list(runs.values())


def read_run(name: str, folder: Path) -> Run:
    """A run that has been started."""
    files = RunFolder(folder)
    config = files.read_config()
    assert config is not None
    settings = leaves(config)
    choices = choices_of(folder, config)
    given = overridden(folder)
    if files.metrics.is_file():
        return Run(name, folder, "finished", settings, choices, json.loads(files.metrics.read_text()), given)
    ends: dict[Status, Path] = {"pruned": files.pruned, "failed": files.failed}
    for status, path in ends.items():
        if path.is_file():
            return Run(name, folder, status, settings, choices, {}, given, path.read_text().partition("\n")[0])
    return Run(name, folder, "unfinished", settings, choices, {}, given)


def not_started(name: str, folder: Path, job: Sequence[str]) -> Run:
    """A run that is still to come."""
    overrides = dict(override.lstrip("+~").split("=", 1) for override in job if "=" in override)
    return Run(name, folder, "not started", dict(overrides))


def overridden(folder: Path) -> frozenset[str]:
    """The dotted keys that a run's command line gave."""
    path = RunFolder(folder).overrides
    if not path.is_file():
        return frozenset()
    return frozenset(str(override).lstrip("+~").partition("=")[0] for override in OmegaConf.load(path))


def choices_of(folder: Path, config: DictConfig) -> dict[str, str | None]:
    """The choices of the config groups; where Hydra's record is missing, the names of the classes."""
    recorded = RunFolder(folder).read_hydra_config()
    if recorded is not None:
        chosen = recorded.hydra.runtime.choices
        return {str(group): name for group, name in chosen.items() if not str(group).startswith("hydra/")}
    nodes = {str(group): node for group, node in config.items() if isinstance(node, DictConfig) and "_target_" in node}
    return {group: str(node["_target_"]).rpartition(".")[2] for group, node in nodes.items()}


def natural(name: str) -> list[tuple[int, str]]:
    """A key that sorts numbers in names by their value: 2 before 10."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)]
