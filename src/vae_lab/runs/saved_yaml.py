"""Read YAML files of a saved run, which may be a stranger's: bounded, and without anything that grows when it is read.

An alias (`*a`) repeats what an anchor (`&a`) names: nine lines of them are a list of a billion items. vae_lab never
writes one, so a file that has them is not a run's.
"""

from pathlib import Path
from typing import Any

import yaml
from omegaconf._utils import get_yaml_loader

from vae_lab.errors import UserError

MAX_BYTES = 4 * 2**20
MAX_DEPTH = 50


def read_plain_yaml(path: Path) -> Any:
    """Read a YAML file into plain containers; nothing is resolved.

    Args:
        path: the file.

    Raises:
        UserError: one line with the file, if it is damaged, too large, or of a structure that no run has.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise UserError(f"{path}: this file has more than {MAX_BYTES // 2**20} MiB, so it is not that of a run")
        text = content.decode("utf-8")
        check_structure(text, path)
        # OmegaConf's own loader, which reads numbers such as 1e-3 as OmegaConf wrote them.
        return yaml.load(text, Loader=get_yaml_loader())
    except (UnicodeDecodeError, yaml.YAMLError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"{path}: this file is damaged ({reason})") from error


def check_structure(text: str, path: Path) -> None:
    """Refuse aliases, and nesting deeper than any configuration, before anything is built.

    Raises:
        UserError: one line with the file.
    """
    depth = 0
    for event in yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            raise UserError(f"{path}: it has aliases (& and *), which no run has; remove them")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise UserError(f"{path}: it is nested more than {MAX_DEPTH} deep, so it is not that of a run")


def read_mapping(path: Path) -> dict[str, Any]:
    """Read a YAML file that holds a mapping; see `read_plain_yaml`."""
    content = read_plain_yaml(path)
    if not isinstance(content, dict):
        raise UserError(f"{path}: expected a mapping, found {type(content).__name__}; the file is damaged")
    return content


def mapping_at(node: Any, *keys: str) -> dict[str, Any]:
    """Return a mapping inside of plain containers, empty if it is not there."""
    for key in keys:
        node = node.get(key) if isinstance(node, dict) else None
    return node if isinstance(node, dict) else {}
