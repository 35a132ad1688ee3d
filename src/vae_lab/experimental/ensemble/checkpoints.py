"""Checkpoints of an ensemble: on disk, one of each member, such as its run alone would write."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lightning.fabric.plugins import TorchCheckpointIO

MEMBERS = "members"  # the members' checkpoints within that of the ensemble


class MemberFiles(TorchCheckpointIO):
    """Writes the members' checkpoints into their own folders, and reads them back.

    Args:
        folders: of the members' checkpoints.
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        self.folders = tuple(folders)

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: Sequence[int] | None = None
    ) -> None:
        """Write the checkpoints of some members.

        Args:
            checkpoint: of the ensemble.
            path: of which the name counts.
            storage_options: the members by number; None for all.
        """
        chosen = range(len(self.folders)) if storage_options is None else storage_options
        for number in chosen:
            super().save_checkpoint(checkpoint[MEMBERS][number], self.folders[number] / Path(path).name)

    def load_checkpoint(self, path: str | Path, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Read all members' checkpoints; what they share is the first one's."""
        name = Path(path).name
        members = [super(MemberFiles, self).load_checkpoint(folder / name, *args, **kwargs) for folder in self.folders]
        return {**members[0], MEMBERS: members}
