"""Checkpoints of an ensemble: one file for each member, as in separate training."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lightning.fabric.plugins import TorchCheckpointIO

MEMBERS = "members"  # the key of the members' checkpoints in that of the ensemble


class MemberFiles(TorchCheckpointIO):
    """Writes the members' checkpoints into their own folders, and reads them back.

    Args:
        folders: the folder of each member's checkpoints.
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        self.folders = tuple(folders)

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: Sequence[int] | None = None
    ) -> None:
        """Write the checkpoints of some members.

        Args:
            checkpoint: the checkpoint of the ensemble.
            path: a path, of which only the file's name is used.
            storage_options: the numbers of the members; None for all.
        """
        chosen = range(len(self.folders)) if storage_options is None else storage_options
        for number in chosen:
            super().save_checkpoint(checkpoint[MEMBERS][number], self.folders[number] / Path(path).name)

    def load_checkpoint(self, path: str | Path, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Read all members' checkpoints; the first one provides what they share."""
        name = Path(path).name
        members = [super(MemberFiles, self).load_checkpoint(folder / name, *args, **kwargs) for folder in self.folders]
        return {**members[0], MEMBERS: members}
