"""Read the checkpoint of a run, which may be a stranger's: tensors and plain containers, of no more than it holds."""

import pickle
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from vae_lab.errors import UserError

# Tensors of the file may share their numbers, as a weight that two layers use, but not many times over.
MAX_SHARING = 4


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint onto the CPU; no code in it is executed.

    Args:
        path: the file.

    Raises:
        UserError: one line with the file, if it is damaged or not a run's checkpoint.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, pickle.UnpicklingError, EOFError, ValueError, KeyError, TypeError, AttributeError) as error:
        reason = " ".join(str(error).split()).partition(".")[0]
        raise UserError(f"{path}: this checkpoint is damaged, or not one of vae_lab's ({reason})") from error
    if not (isinstance(content, dict) and isinstance(content.get("state_dict"), Mapping)):
        raise UserError(f"{path}: there are no weights in it (no state_dict), so it is not a run's checkpoint")
    declared = sum(tensor.numel() * tensor.element_size() for tensor in tensors_of(content))
    if declared > MAX_SHARING * path.stat().st_size + 2**20:
        raise UserError(f"{path}: its tensors claim {declared / 2**20:,.0f} MiB, more than the file holds")
    return content


def tensors_of(node: Any) -> Iterator[Tensor]:
    """Yield the tensors in nested containers."""
    if isinstance(node, Tensor):
        yield node
    elif isinstance(node, Mapping):
        for item in node.values():
            yield from tensors_of(item)
    elif isinstance(node, list | tuple):
        for item in node:
            yield from tensors_of(item)
