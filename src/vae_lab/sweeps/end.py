"""Hold the folder of a sweep while its jobs run, say how it goes on, and finish it after its last job."""

import os
import signal
import sys
from pathlib import Path
from typing import Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig

from vae_lab.configuration.costs import SUBMITIT_LOCAL
from vae_lab.configuration.overrides import parse
from vae_lab.configuration.processes import is_first
from vae_lab.configuration.proposed import override
from vae_lab.ending import interruption
from vae_lab.ending.parent import PARENT
from vae_lab.errors import UserError, explain_os_error, printable
from vae_lab.runs.files import check_room
from vae_lab.runs.folder import RunFolder
from vae_lab.runs.lock import acquire, all_locked
from vae_lab.runs.owned import OwnedFolder
from vae_lab.runs.sweep_folder import SweepFolder


class SweepEnd(Callback):
    """Locks the folder of a sweep; at the end writes its report, and exits with an error if a job failed.

    An interrupted sweep says how it goes on.
    """

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        if config.hydra.launcher["_target_"] == SUBMITIT_LOCAL:
            os.environ[PARENT] = str(os.getpid())
            # What it starts inherits this. Ctrl-C reaches another thread of this process, which then ends them all;
            # reached by it themselves, they would each print a traceback.
            signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
        if not is_first():
            return
        try:
            take(SweepFolder(Path(config.hydra.sweep.dir)), config)
        except (UserError, OSError) as error:
            # Hydra turns an exception in a callback into a warning, and the sweep would start without its lock.
            sys.exit(explain_os_error(error) if isinstance(error, OSError) else str(error))
        way_on = f"repeat the same command with {override('hydra.sweep.dir', str(config.hydra.sweep.dir))}"
        interruption.say(printable(f"interrupted; to go on with the sweep, {way_on}"))

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        if not is_first():
            return
        # Imported here, since Hydra makes callbacks at the start of every command.
        from vae_lab.reports.report import write_report

        sweep_dir = Path(config.hydra.sweep.dir)
        try:
            print(write_report([sweep_dir], sweep_dir))
        except Exception as error:
            reason = str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {error}"
            sys.exit(printable(f"{sweep_dir}: cannot write the report ({reason})"))
        failed = sorted(map(str, sweep_dir.rglob(RunFolder(sweep_dir).failed.name)))
        if failed:
            sys.exit(f"{len(failed)} of the sweep's jobs failed; see {', '.join(map(printable, failed))}")


def take(folder: SweepFolder, config: DictConfig) -> None:
    """Take the folder of a sweep until the process ends.

    Raises:
        UserError: if another process writes there, a link leads outside, or a user's file is in the way of the report.
    """
    check_room(folder.path, 2**20, "a sweep's files")
    acquire(folder, "runs a sweep")
    for written_by_hydra in (folder.sweep_config, *folder.path.glob("*/*.log")):
        folder.check_inside(written_by_hydra)
        if written_by_hydra.exists() and not written_by_hydra.is_file():
            raise UserError(f"{written_by_hydra}: this is no file, and Hydra writes one there; remove it")
    if is_asked_to_overwrite(config):
        remove_sweep(folder)
    folder.check_replaceable(folder.report)
    folder.begin_list()


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
