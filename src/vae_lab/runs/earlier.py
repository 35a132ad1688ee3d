"""What the configuration of an earlier version leaves out, and meant."""

from typing import Any


def with_earlier_rules(plain: dict[str, Any]) -> dict[str, Any]:
    """Return a recorded configuration in which what was true of its version is said.

    Until version 0.2 a folder of pictures was read by other rules, and had no key to say so.

    >>> with_earlier_rules({"data": {"_target_": "vae_lab.data.Folder", "path": "pictures"}})["data"]["rules"]
    1

    Args:
        plain: the configuration as plain containers, its classes by today's names.
    """
    data = plain.get("data")
    if isinstance(data, dict) and data.get("_target_") == "vae_lab.data.Folder" and "rules" not in data:
        return {**plain, "data": {**data, "rules": 1}}
    return plain
