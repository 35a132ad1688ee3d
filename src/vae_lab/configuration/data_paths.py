"""The options of a data set that are paths: recorded absolute, and found again from any working directory."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

from omegaconf import DictConfig, OmegaConf

from vae_lab.configuration.options import IS_DATA_PATH
from vae_lab.configuration.paths import absolute, exists
from vae_lab.configuration.signature import signature
from vae_lab.configuration.source import find


def with_absolute_paths(config: DictConfig, base: Path) -> DictConfig:
    """Return a copy of a configuration whose paths of data are absolute.

    They are the options that a data set annotates with `DataPath`, and others that are text and name what exists.

    Args:
        config: a configuration of a run; interpolations of its data are resolved.
        base: the folder that relative paths start from.
    """
    changed = config.copy()
    for key, value in data_paths(config, base):
        OmegaConf.update(changed, key, str(absolute(value, base)))
    return changed


def with_found_paths(config: DictConfig, started_in: Path | None) -> DictConfig:
    """Return a copy of the configuration of a saved run in which relative paths of data lead to what exists.

    Version 0.2 and earlier recorded paths as they were given. They start from the working directory, and if nothing
    exists there, from the one that the run was started in.

    Args:
        config: the configuration.
        started_in: the working directory of the run, or None if it is not known.
    """
    here = Path.cwd()
    changed = config.copy()
    for key, value in data_paths(config, here, *([] if started_in is None else [started_in])):
        base = here if started_in is None or exists(absolute(value, here)) else started_in
        OmegaConf.update(changed, key, str(absolute(value, base)))
    return changed


def data_paths(config: DictConfig, *bases: Path) -> Iterator[tuple[str, str]]:
    """Yield the dotted keys and the values of the options of the data set that are paths.

    Args:
        config: a configuration of a run.
        bases: the folders that a relative path may start from.
    """
    node = config.get("data")
    if isinstance(node, DictConfig):
        plain = OmegaConf.to_container(node, resolve=True)
        assert isinstance(plain, dict)
        yield from paths_of(plain, "data", bases)


def paths_of(node: Mapping[Any, Any], where: str, bases: tuple[Path, ...]) -> Iterator[tuple[str, str]]:
    """Yield the paths among the options of a part and of the parts inside it; see `data_paths`."""
    options = options_of(str(node.get("_target_")))
    for key, value in node.items():
        if isinstance(value, Mapping):
            yield from paths_of(value, f"{where}.{key}", bases)
        elif isinstance(value, str) and key != "_target_":
            annotation = options.get(key, Any)
            if is_data_path(annotation) or (takes_any_text(annotation) and names_something(value, bases)):
                yield f"{where}.{key}", value


def options_of(target: str) -> dict[str, Any]:
    """Return the types of the options of a class, by name; empty if its text cannot be read."""
    found = find(target)
    known = None if found is None else signature(*found)
    return {} if known is None else known.options


def is_data_path(annotation: Any) -> bool:
    """Return whether a type is `DataPath`, alone or among others."""
    return IS_DATA_PATH in getattr(annotation, "__metadata__", ()) or any(map(is_data_path, get_args(annotation)))


def takes_any_text(annotation: Any) -> bool:
    """Return whether a type is one of a path in a data set that does not annotate it."""
    return annotation in (Any, str, Path) or any(member in (str, Path) for member in get_args(annotation))


def names_something(value: str, bases: tuple[Path, ...]) -> bool:
    """Return whether a text names an existing file or folder; a bare word without a suffix may be a mere name."""
    is_path = "/" in value or os.sep in value or Path(value).suffix != ""
    return is_path and any(exists(absolute(value, base)) for base in bases)


def own_data_folder() -> Path:
    """Return the folder of data sets of this user, as the YAMLs of `conf/data` do."""
    return absolute(os.environ.get("VAE_LAB_DATA", "data"))


def same_place(one: object, other: object) -> bool:
    """Return whether two paths of data may be of the same data: one of them exists no more, or they are the same."""
    first, second = absolute(str(one)), absolute(str(other))
    return not (exists(first) and exists(second)) or first.samefile(second)
