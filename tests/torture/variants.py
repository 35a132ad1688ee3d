"""Variants of a finished run's folder, as bad disks and strangers make them: what is changed, and in which group."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import yaml

# What foreign code would make, if it were run; the folder of what lies outside of the run's folder has this name.
MARKER = "executed"


@dataclass(frozen=True)
class Variant:
    """A variant of a run's folder.

    Attributes:
        name: "GROUP/NAME".
        change: changes the folder of a finished run; its second argument is a folder beside it.
        folder: the name of the run's folder.
        inside: whether the commands are started, cold, with the run's folder as their working directory.
    """

    name: str
    change: Callable[[Path, Path], None]
    folder: str = "run"
    inside: bool = False


def nothing(folder: Path, outside: Path) -> None:
    """Change nothing."""


def in_config(key: str, value: object, file: str = ".hydra/config.yaml") -> Callable[[Path, Path], None]:
    """Return what sets a key of the recorded configuration; OUTSIDE and FOLDER in its texts are replaced by paths."""

    def change(folder: Path, outside: Path) -> None:
        config = node = yaml.safe_load((folder / file).read_text())
        *parents, last = key.split(".")
        for parent in parents:
            if not isinstance(node.get(parent), dict):
                node[parent] = {}
            node = node[parent]
        node[last] = with_paths(value, folder, outside)
        (folder / file).write_text(yaml.safe_dump(config, sort_keys=False))

    return change


def with_paths(value: object, folder: Path, outside: Path) -> object:
    """Return a value with paths in the places of OUTSIDE and FOLDER."""
    if isinstance(value, str):
        return value.replace("OUTSIDE", str(outside)).replace("FOLDER", str(folder))
    if isinstance(value, dict):
        return {key: with_paths(item, folder, outside) for key, item in value.items()}
    if isinstance(value, list):
        return [with_paths(item, folder, outside) for item in value]
    return value
