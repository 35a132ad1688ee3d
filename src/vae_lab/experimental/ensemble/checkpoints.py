"""Checkpoints of an ensemble: one file for each member, as in separate training, and all of the same step.

Members of different steps would go on separately, with the results of the ensemble up to rounding only. So the last
states of all members are written under another name before the first of them takes its place.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lightning.fabric.plugins import TorchCheckpointIO

from vae_lab.runs import results
from vae_lab.runs.folder import RunFolder
from vae_lab.runs.lock import all_locked
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
        folders = [RunFolder(self.runs[number].run_dir) for number in chosen]
        is_last = Path(path).name == self.runs[0].checkpoints.last_path.name
        for number, folder in zip(chosen, folders, strict=True):
            own = folder.next_last_checkpoint if is_last else self.runs[number].checkpoints.best_path
            save_checkpoint(folder, checkpoint[MEMBERS][number], own)
        if is_last:
            for folder in folders:
                put_in_place(folder)

    def load_checkpoint(self, path: str | Path, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Read all members' checkpoints; the first one provides what they share."""
        load = super().load_checkpoint
        members = [load(path_of(run, path), *args, **kwargs) for run in self.runs]
        return {**members[0], MEMBERS: members}


def put_in_place(folder: RunFolder) -> None:
    """Let the state that was written last take the place of the one before."""
    folder.note(folder.last_checkpoint)
    folder.next_last_checkpoint.replace(folder.last_checkpoint)


def settle(folders: Sequence[RunFolder]) -> None:
    """Bring the members of an interrupted ensemble to the same step.

    The states that were written last are put in place if all of them were written, and discarded otherwise.

    Args:
        folders: the folders of the members that have not finished.

    Raises:
        UserError: if another process writes into one of them, or a checkpoint is damaged.
    """
    waiting = [folder for folder in folders if folder.next_last_checkpoint.is_file()]
    with all_locked(list(waiting), "brings an ensemble to the same step"):
        steps = {folder: results.state_of(folder, folder.next_last_checkpoint).num_steps for folder in waiting}
        reached = {folder: steps_of_last(folder) for folder in folders}
        newest = max(steps.values(), default=0)
        all_written = len(waiting) == len(folders) or newest in reached.values()
        for folder in waiting:
            if all_written and steps[folder] == newest and newest > reached[folder]:
                put_in_place(folder)
            else:
                folder.remove(folder.next_last_checkpoint)


def steps_of_last(folder: RunFolder) -> int:
    """Return the steps behind the last state of a run, 0 if there is none."""
    last = folder.last_checkpoint if folder.last_checkpoint.is_file() else None
    return results.state_of(folder, last).num_steps


def path_of(run: Run, path: str | Path) -> Path:
    """Return the path of a member's own checkpoint of the same kind, the best or the last."""
    return run.checkpoints.last_path if Path(path).name == run.checkpoints.last_path.name else run.checkpoints.best_path
