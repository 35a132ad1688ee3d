"""Run one job of a sweep: skip it if it finished before, resume it if it was interrupted, and record a failure."""

import json
import logging
import math
import traceback
from collections.abc import Callable
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from vae_lab.configuration.check import check
from vae_lab.ending import interruption
from vae_lab.errors import UserError
from vae_lab.runs.folder import RunFolder
from vae_lab.runs.planned import is_grid
from vae_lab.runs.same_run import check_same_run, is_finished
from vae_lab.sweeps.search.settings import is_search

log = logging.getLogger(__name__)


class Pruned(Exception):  # noqa: N818 - not an error
    """Ends a job that is not worth training further; its message is the reason."""


def run_job(config: DictConfig, train: Callable[[DictConfig], float]) -> float:
    """Run a job, unless it has finished before.

    In a grid or a search a failure is written into the job's folder, for the report and the exit status, and the other
    jobs go on. Other sweepers handle failures themselves, so it is raised.

    Args:
        config: a composed configuration.
        train: trains a configuration, and returns the value that sweepers optimise.

    Returns:
        That value, or NaN if the job was pruned or failed.

    Raises:
        UserError: if the job's folder holds another run.
    """
    hydra = HydraConfig.get()
    run_dir = Path(hydra.runtime.output_dir)
    folder = RunFolder(run_dir)
    check_same_run(run_dir, config)
    if is_finished(run_dir, config):
        log.info("finished before, skipped: %s", run_dir)
        return best_value(run_dir)
    if folder.pruned.is_file():
        log.info("pruned before, skipped: %s", run_dir)
        return math.nan
    for stale in (folder.metrics, folder.failed):
        stale.unlink(missing_ok=True)
    folder.record(config)
    if folder.last_checkpoint.is_file():
        log.info("interrupted before, resumed: %s", run_dir)
        config.resume = str(run_dir)
    try:
        check(config)
        return train(config)
    except Pruned as reason:
        folder.pruned.write_text(f"{reason}\n")
        log.info("job %s pruned: %s", hydra.job.num, reason)
        return math.nan
    except Exception as error:
        interruption.raise_if_received()
        folder.failed.write_text(f"{one_line(error)}\n\n{traceback.format_exc()}")
        log.error("job %s failed: %s", hydra.job.num, one_line(error))
        if not is_grid(hydra) and not is_search(hydra):
            raise
        return math.nan


def one_line(error: Exception) -> str:
    """Return the message of an error in one line, with its type unless it is a mistake of the user."""
    line = " ".join(str(error).split())
    return line if isinstance(error, UserError) else f"{type(error).__name__}: {line}"


def best_value(run_dir: Path) -> float:
    """Return the value that a finished run returned: the metric that its best epoch was chosen by."""
    metrics = json.loads(RunFolder(run_dir).metrics.read_text())
    return float(metrics[metrics["epoch/chosen_by"]])
