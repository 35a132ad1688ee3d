"""A user's own parts: modules of the working directory, which are imported only where they are asked for by name.

The working directory is not on the path of imports of the commands: `python -m vae_lab.evaluate run=.` in the folder
of somebody else would import whatever lies there under the name of a library.
"""

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any

# The top-level modules that are looked for in the working directory.
_modules: set[str] = set()
# What may be built from a saved run beside vae_lab's own classes: dotted names of classes, and of top-level modules.
_trusted: set[str] = set()


class OwnParts(MetaPathFinder):
    """Finds the modules that were asked for by name in the working directory, if they are not installed."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if path is not None or fullname not in _modules:
            return None
        return PathFinder.find_spec(fullname, [str(Path.cwd())])


_finder = OwnParts()


def allow(modules: Iterable[str]) -> None:
    """Let this process import and build all classes of some top-level modules, also for saved runs.

    Args:
        modules: their names.
    """
    _trusted.update(modules)
    _import_from_working_directory(modules)


def use(config: Any) -> None:
    """Let this process import and build the classes that a configuration of the user's own names.

    Args:
        config: the configuration as plain containers.
    """
    targets = set(targets_of(config))
    _trusted.update(targets)
    _import_from_working_directory(target.partition(".")[0] for target in targets)


def _import_from_working_directory(modules: Iterable[str]) -> None:
    _modules.update(modules)
    if _finder not in sys.meta_path:
        sys.meta_path.append(_finder)


def is_trusted(target: str) -> bool:
    """Return whether the user has asked for a class, by its dotted name or by its top-level module."""
    return target in _trusted or target.partition(".")[0] in _trusted


def find_own(module: str) -> ModuleSpec | None:
    """Find a top-level module that was asked for, without importing it."""
    return _finder.find_spec(module, None)


def targets_of(node: Any) -> Iterator[str]:
    """Yield the dotted names of all classes that a configuration, or a part of one, names.

    >>> sorted(targets_of({"model": {"_target_": "mine.Net", "inner": [{"_target_": "torch.nn.ReLU"}]}}))
    ['mine.Net', 'torch.nn.ReLU']
    """
    if isinstance(node, list):
        for item in node:
            yield from targets_of(item)
    elif isinstance(node, Mapping):
        if isinstance(node.get("_target_"), str):
            yield node["_target_"]
        for item in node.values():
            yield from targets_of(item)
