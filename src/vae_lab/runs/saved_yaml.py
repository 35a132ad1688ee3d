"""Read YAML files of a saved run, which may be a stranger's: bounded, and without anything that grows when it is read.

An alias (`*a`) repeats what an anchor (`&a`) names: nine lines of them are a list of a billion items. vae_lab never
writes one, so a file that has them is not a run's.
"""

from pathlib import Path
from typing import Any

import yaml
from omegaconf._utils import get_yaml_loader

from vae_lab.errors import UserError
from vae_lab.runs.files import read_bounded

MAX_BYTES = 4 * 2**20
MAX_DEPTH = 50
MAX_SCALARS = 20_000  # a run has some hundreds
# Beyond it a whole number has no place in a table or a figure, and beyond about 1e308 it is no float either.
LARGEST = 10**100


def read_plain_yaml(path: Path) -> Any:
    """Read a YAML file into plain containers; nothing is resolved.

    Args:
        path: the file.

    Raises:
        UserError: one line with the file, if it is damaged, too large, or of a structure that no run has.
    """
    try:
        text = read_bounded(path, MAX_BYTES)
        check_structure(text, path)
        # OmegaConf's own loader, which reads numbers such as 1e-3 as OmegaConf wrote them.
        content = yaml.load(text, Loader=get_yaml_loader())
    except (UnicodeDecodeError, yaml.YAMLError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"{path}: this file is damaged ({reason})") from error
    check_values(content, path)
    return content


def check_values(node: Any, path: Path) -> None:
    """Refuse values that no configuration has, such as sets, dates, and numbers of hundreds of digits.

    Raises:
        UserError: one line with the file.
    """
    if isinstance(node, dict):
        for key, value in node.items():
            if not isinstance(key, str | int | float):
                raise UserError(f"{path}: it has {key!r} as a key, which no run has; the file is damaged")
            check_values(value, path)
    elif isinstance(node, list):
        for value in node:
            check_values(value, path)
    elif not isinstance(node, str | bytes | int | float | None):
        raise UserError(f"{path}: it has a value of type {type(node).__name__}, which no run has; the file is damaged")
    elif isinstance(node, int) and abs(node) > LARGEST:
        raise UserError(f"{path}: it has a number of more than 100 digits, which no run has; the file is damaged")


def check_structure(text: str, path: Path) -> None:
    """Refuse aliases, and nesting deeper than any configuration, before anything is built.

    Raises:
        UserError: one line with the file.
    """
    depth = num_scalars = 0
    for event in yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            raise UserError(f"{path}: it has aliases (& and *), which no run has; remove them")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        num_scalars += isinstance(event, yaml.ScalarEvent)
        if num_scalars > MAX_SCALARS:
            raise UserError(f"{path}: it has more than {MAX_SCALARS:,} keys and values, so it is not that of a run")
        if depth > MAX_DEPTH:
            raise UserError(f"{path}: it is nested more than {MAX_DEPTH} deep, so it is not that of a run")


def read_mapping(path: Path) -> dict[str, Any]:
    """Read a YAML file that holds a mapping; see `read_plain_yaml`."""
    content = read_plain_yaml(path)
    if not isinstance(content, dict):
        raise UserError(f"{path}: expected a mapping, found {type(content).__name__}; the file is damaged")
    return content


def read_names(path: Path) -> list[str]:
    """Read a YAML file that holds a list of text; see `read_plain_yaml`."""
    content = read_plain_yaml(path)
    if not (isinstance(content, list) and all(isinstance(each, str) for each in content)):
        raise UserError(f"{path}: expected a list of text; the file is damaged")
    return content


def mapping_at(node: Any, *keys: str) -> dict[str, Any]:
    """Return a mapping inside of plain containers, empty if it is not there."""
    for key in keys:
        node = node.get(key) if isinstance(node, dict) else None
    return node if isinstance(node, dict) else {}
