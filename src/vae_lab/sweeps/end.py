"""What happens when the last job of a sweep is done."""

import sys
from pathlib import Path
from typing import Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig

from vae_lab.configuration.processes import is_first
from vae_lab.runs.folder import RunFolder


class SweepEnd(Callback):
    """Writes the report of a sweep, and makes failed jobs the command's exit status."""

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        if not is_first():
            return
        # Not for commands that end before any job does.
        from vae_lab.reports.report import write_report

        sweep_dir = Path(config.hydra.sweep.dir)
        try:
            print(write_report([sweep_dir], sweep_dir))
        except Exception as error:
            # Hydra would make a warning of it, and the command would end as if all were well.
            sys.exit(f"{sweep_dir}: no report could be written ({type(error).__name__}: {error})")
        failed = sorted(map(str, sweep_dir.rglob(RunFolder(sweep_dir).failed.name)))
        if failed:
            sys.exit(f"{len(failed)} of the sweep's jobs failed; what went wrong: {', '.join(failed)}")
