"""Hold the folder of a sweep while its jobs run, and finish the sweep after the last of them."""

import sys
from pathlib import Path
from typing import Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig

from vae_lab.configuration.overrides import parse
from vae_lab.configuration.processes import is_first
from vae_lab.errors import UserError
from vae_lab.runs.files import check_room
from vae_lab.runs.folder import RunFolder
from vae_lab.runs.lock import acquire, all_locked
from vae_lab.runs.owned import OwnedFolder


class SweepEnd(Callback):
    """Locks the folder of a sweep; at the end writes its report, and exits with an error if a job failed."""

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        if not is_first():
            return
        folder = OwnedFolder(Path(config.hydra.sweep.dir))
        try:
            check_room(folder.path, 2**20, "a sweep's files")
            acquire(folder, "runs a sweep")  # until the process ends
            for written_by_hydra in (folder.path / "multirun.yaml", *folder.path.glob("*/*.log")):
                folder.check_inside(written_by_hydra)
            if is_asked_to_overwrite(config):
                remove_sweep(folder)
        except UserError as error:
            # Hydra turns an exception in a callback into a warning, and the sweep would start.
            sys.exit(str(error))

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        if not is_first():
            return
        # Imported here, since Hydra makes callbacks at the start of every command.
        from vae_lab.reports.report import write_report

        sweep_dir = Path(config.hydra.sweep.dir)
        try:
            print(write_report([sweep_dir], sweep_dir))
        except Exception as error:
            sys.exit(f"{sweep_dir}: cannot write the report ({type(error).__name__}: {error})")
        failed = sorted(map(str, sweep_dir.rglob(RunFolder(sweep_dir).failed.name)))
        if failed:
            sys.exit(f"{len(failed)} of the sweep's jobs failed; see {', '.join(failed)}")


def is_asked_to_overwrite(config: DictConfig) -> bool:
    """Return whether the command line has `overwrite=true`; of a sweep, Hydra composes that for its jobs only."""
    given = {override.key_or_group: override.value() for override in parse(config.hydra.overrides.task)}
    return bool(given.get("overwrite"))


def remove_sweep(folder: OwnedFolder) -> None:
    """Remove what an earlier sweep wrote into a folder, its runs included, and nothing else.

    Raises:
        UserError: if another process writes into one of them.
    """
    runs: list[OwnedFolder] = [RunFolder(path.parents[1]) for path in folder.path.rglob(".hydra/config.yaml")]
    with all_locked(runs, "replaces the run"):
        for owned in [*runs, folder]:
            owned.remove_written()
