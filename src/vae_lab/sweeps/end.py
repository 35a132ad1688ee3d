"""Say how a sweep goes on that is interrupted, and finish it after its last job."""

import os
import signal
import sys
from pathlib import Path
from typing import Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig

from vae_lab.configuration.processes import is_first
from vae_lab.ending import interruption
from vae_lab.ending.parent import PARENT
from vae_lab.runs.folder import RunFolder

# The launcher whose jobs are processes of this machine that do not end with the one that started them.
DETACHED = "hydra_plugins.hydra_submitted_launcher.launcher.LocalLauncher"


class SweepEnd(Callback):
    """Writes the report of a sweep, and exits with an error if a job failed; tells how an interrupted one goes on."""

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        if config.hydra.launcher["_target_"] == DETACHED:
            os.environ[PARENT] = str(os.getpid())
            # What it starts inherits this. Ctrl-C reaches another thread of this process, which then ends them all;
            # reached by it themselves, they would each print a traceback.
            signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
        if is_first():
            way_on = f"repeat the same command with hydra.sweep.dir={config.hydra.sweep.dir}"
            interruption.say(f"interrupted; to go on with the sweep, {way_on}")

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        if not is_first():
            return
        # Imported here, since Hydra makes callbacks at the start of every command.
        from vae_lab.reports.report import write_report

        sweep_dir = Path(config.hydra.sweep.dir)
        try:
            print(write_report([sweep_dir], sweep_dir))
        except Exception as error:
            # Hydra turns an exception in a callback into a warning, and the command would succeed.
            sys.exit(f"{sweep_dir}: cannot write the report ({type(error).__name__}: {error})")
        failed = sorted(map(str, sweep_dir.rglob(RunFolder(sweep_dir).failed.name)))
        if failed:
            sys.exit(f"{len(failed)} of the sweep's jobs failed; see {', '.join(failed)}")
