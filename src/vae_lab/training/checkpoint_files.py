"""Write checkpoints through the run's folder: inside it, completely or not at all."""

import io
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins import TorchCheckpointIO
from torch import nn

from vae_lab.runs.folder import RunFolder


class CheckpointFiles(TorchCheckpointIO):
    """Writes the checkpoints of a run.

    Args:
        folder: the run's folder.
    """

    def __init__(self, folder: RunFolder) -> None:
        self.folder = folder

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None) -> None:
        save_checkpoint(self.folder, checkpoint, Path(path))


def checkpoint_bytes(module: nn.Module) -> int:
    """Return the size of a run's checkpoints: weights, the last state with two moments of them, and its replacement."""
    weights = sum(parameter.nbytes for parameter in module.parameters())
    return weights + 2 * 3 * weights


def save_checkpoint(folder: RunFolder, checkpoint: dict[str, Any], path: Path) -> None:
    """Write a checkpoint into a run's folder.

    Raises:
        OSError: if it cannot be written; a full disk among the reasons.
    """
    # torch would report a full disk without saying so if it wrote the file itself.
    content = io.BytesIO()
    torch.save(checkpoint, content)
    with folder.write(path) as unfinished:
        unfinished.write_bytes(content.getbuffer())
