"""Checkpoints of an ensemble: one file for each member, as in separate training."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lightning.fabric.plugins import TorchCheckpointIO

from vae_lab.runs.folder import RunFolder
from vae_lab.training.checkpoint_files import save_checkpoint
from vae_lab.training.run import Run

MEMBERS = "members"  # the key of the members' checkpoints in that of the ensemble


class MemberFiles(TorchCheckpointIO):
    """Writes the members' checkpoints into their own folders, and reads them back.

    Args:
        runs: the members.
    """

    def __init__(self, runs: Sequence[Run]) -> None:
        self.runs = tuple(runs)

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: Sequence[int] | None = None
    ) -> None:
        """Write the checkpoints of some members.

        Args:
            checkpoint: the checkpoint of the ensemble.
            path: that of the first member.
            storage_options: the numbers of the members; None for all.
        """
        chosen = range(len(self.runs)) if storage_options is None else storage_options
        for number in chosen:
            run = self.runs[number]
            save_checkpoint(RunFolder(run.run_dir), checkpoint[MEMBERS][number], path_of(run, path))

    def load_checkpoint(self, path: str | Path, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Read all members' checkpoints; the first one provides what they share."""
        load = super().load_checkpoint
        members = [load(path_of(run, path), *args, **kwargs) for run in self.runs]
        return {**members[0], MEMBERS: members}


def path_of(run: Run, path: str | Path) -> Path:
    """Return the path of a member's own checkpoint of the same kind, the best or the last."""
    return run.checkpoints.last_path if Path(path).name == run.checkpoints.last_path.name else run.checkpoints.best_path
