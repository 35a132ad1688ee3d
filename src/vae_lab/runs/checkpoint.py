"""Read the checkpoint of a run, which may be a stranger's: tensors and plain containers, of no more than it holds."""

import pickle
import pickletools
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from vae_lab.errors import UserError

# Tensors of the file may share their numbers, as a weight that two layers use, but not many times over.
MAX_SHARING = 4
# What a checkpoint names beside storages: of the functions that torch would call while it reads weights only, those
# that make nothing of a declared size (as `bytearray(10**12)` does).
HARMLESS = frozenset(
    (
        *("collections OrderedDict", "collections Counter", "collections defaultdict"),
        *("torch._utils _rebuild_tensor_v2", "torch._utils _rebuild_parameter", "torch Size", "torch device"),
        *("torch.serialization _get_layout", "_codecs encode", "__builtin__ set", "__builtin__ complex"),
    )
)


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint onto the CPU; no code in it is executed.

    Args:
        path: the file.

    Raises:
        UserError: one line with the file, if it is damaged or not a run's checkpoint.
    """
    check_archive(path)
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (
        *(RuntimeError, pickle.UnpicklingError, EOFError, ValueError, KeyError, TypeError, AttributeError),
        *(IndexError, MemoryError, OSError),
    ) as error:
        raise damaged(path, error) from error
    if not (isinstance(content, dict) and isinstance(content.get("state_dict"), Mapping)):
        raise UserError(f"{path}: there are no weights in it (no state_dict), so it is not a run's checkpoint")
    declared = sum(tensor.numel() * tensor.element_size() for tensor in tensors_of(content))
    if declared > MAX_SHARING * path.stat().st_size + 2**20:
        raise UserError(f"{path}: its tensors claim {declared / 2**20:,.0f} MiB, more than the file holds")
    return content


def check_archive(path: Path) -> None:
    """Refuse an archive that would grow when it is read, or that names what no checkpoint of vae_lab has.

    Raises:
        UserError: one line with the file.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            if any(each.compress_type != zipfile.ZIP_STORED for each in members):
                raise UserError(f"{path}: its numbers are compressed, as in no checkpoint of vae_lab")
            if sum(each.file_size for each in members) > path.stat().st_size:
                raise UserError(f"{path}: its members claim more bytes than the file holds")
            structures = [archive.read(each) for each in members if each.filename.endswith("data.pkl")]
        named = {name for structure in structures for name in names_in(structure)}
    except (zipfile.BadZipFile, ValueError, EOFError, NotImplementedError, RuntimeError) as error:
        raise damaged(path, error) from error
    for name in sorted(named - HARMLESS):
        module, _, last = name.partition(" ")
        if not (module in ("torch", "torch.storage") and last.endswith("Storage")) and not is_dtype(module, last):
            raise UserError(f"{path}: it names {module}.{last}, which no checkpoint of vae_lab has; it is not read")


def names_in(structure: bytes) -> Iterator[str]:
    """Yield the classes and functions that a pickle names, each as its module and its name, without executing it."""
    for opcode, argument, _ in pickletools.genops(structure):
        if opcode.name in ("GLOBAL", "INST"):
            yield str(argument)
        elif opcode.name in ("STACK_GLOBAL", "EXT1", "EXT2", "EXT4"):
            yield opcode.name  # names that are computed


def is_dtype(module: str, name: str) -> bool:
    """Return whether a name is that of a kind of numbers."""
    return module == "torch" and isinstance(getattr(torch, name, None), torch.dtype)


def damaged(path: Path, error: Exception) -> UserError:
    """Return the error for a file that cannot be read as a checkpoint."""
    reason = " ".join(str(error).split()).partition(".")[0]
    return UserError(f"{path}: this checkpoint is damaged, or not one of vae_lab's ({reason})")


def tensors_of(node: Any) -> Iterator[Tensor]:
    """Yield the tensors in nested containers."""
    if isinstance(node, Tensor):
        yield node
    elif isinstance(node, Mapping):
        for item in node.values():
            yield from tensors_of(item)
    elif isinstance(node, list | tuple | set):
        for item in node:
            yield from tensors_of(item)
