"""Flatten nested settings into dotted keys."""

from collections.abc import Mapping
from typing import Any


def flatten(node: Mapping[Any, Any], prefix: str = "") -> dict[str, Any]:
    """Return the leaves of a nested mapping by dotted key.

    >>> flatten({"a": 1, "b": {"c": 2}})
    {'a': 1, 'b.c': 2}
    """
    leaves: dict[str, Any] = {}
    for key, value in node.items():
        if isinstance(value, Mapping):
            leaves |= flatten(value, f"{prefix}{key}.")
        else:
            leaves[f"{prefix}{key}"] = value
    return leaves
