"""The choices of the config groups, and the declarations of their classes, read as text."""

from collections.abc import Sequence
from functools import cache
from typing import Any

from omegaconf import DictConfig, OmegaConf

from vae_lab.configuration.declarations import declaration
from vae_lab.configuration.paths import conf_dir
from vae_lab.configuration.source import find


@cache
def targets(group: str) -> dict[str, str]:
    """Return the class that each choice of a group names in its YAML."""
    named = {}
    for path in sorted((conf_dir() / group).glob("*.yaml")):
        node = OmegaConf.load(path)
        if isinstance(node, DictConfig) and "_target_" in node:
            named[path.stem] = str(node["_target_"])
    return named


def declaring(group: str, attribute: str, values: Sequence[Any]) -> list[str]:
    """Return the choices of a group whose class declares one of the values, in the order of the values."""
    found = {name: declaration(target, attribute) for name, target in targets(group).items()}
    return [name for value in values for name, declared in found.items() if declared == value]


def named(group: str, target: str) -> str:
    """Return how a user chooses a class: `group=name`, or by its `_target_` where no YAML names it."""
    for name, known in targets(group).items():
        if same_class(known, target):
            return f"{group}={name}"
    return f"{group}._target_={target}"


@cache
def same_class(one: str, other: str) -> bool:
    """Return whether two dotted names lead to one class, as a public name and that of the module behind it do."""
    definitions = [found and found[0] for found in (find(one), find(other))]
    return one == other or (definitions[0] is not None and definitions[0] is definitions[1])
