"""Run one job of a sweep: skip it if it finished before, resume it if it was interrupted, and record a failure."""

import logging
import math
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from vae_lab.configuration.check import check_new
from vae_lab.configuration.memory_errors import explain_memory_error
from vae_lab.configuration.processes import is_first
from vae_lab.ending import interruption
from vae_lab.errors import UserError, explain_os_error, printable
from vae_lab.runs.door import Entrance, Found, enter
from vae_lab.runs.folder import RunFolder
from vae_lab.runs.metrics import metric_of, read_metrics
from vae_lab.runs.planned import is_grid
from vae_lab.sweeps.search.settings import is_search

log = logging.getLogger(__name__)

# The model's own metric is the first of these that it has.
OWN_METRICS = ("val/elbo", "val/distortion", "val/kernel_score")


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
    folder = RunFolder(Path(HydraConfig.get().runtime.output_dir))
    with enter(folder, config, Entrance.JOB) as found:
        if found is Found.FINISHED:
            log.info("finished before, skipped: %s", folder.path)
            return best_value(folder)
        if found is Found.PRUNED:
            log.info("pruned before, skipped: %s", folder.path)
            return math.nan
        if found is Found.INTERRUPTED:
            log.info("interrupted before, resumed: %s", folder.path)
            config.resume = str(folder.path)
        return attempt(folder, config, train)


def attempt(folder: RunFolder, config: DictConfig, train: Callable[[DictConfig], float]) -> float:
    """Train a configuration, and record how it ended, if it did not finish; see `run_job`."""
    hydra = HydraConfig.get()
    if is_first():
        folder.remove(folder.failed)
    try:
        check_new(config)
        return train(config)
    except Pruned as reason:
        folder.write_text(folder.pruned, f"{printable(str(reason))}\n")
        log.info("job %s pruned: %s", hydra.job.num, reason)
        return math.nan
    except Exception as error:
        interruption.raise_if_received()
        with suppress(OSError):  # on a full disk the log below is all there is
            if is_first():
                details = printable(traceback.format_exc(), lines=True)
                folder.write_text(folder.failed, f"{one_line(error)}\n\n{details}")
        log.error("job %s failed: %s", hydra.job.num, one_line(error))
        if not is_grid(hydra) and not is_search(hydra):
            raise
        return math.nan


def one_line(error: Exception) -> str:
    """Return the message of an error in one line, with its type unless it is a mistake of the user."""
    if isinstance(error, OSError):
        return explain_os_error(error)
    line = explain_memory_error(error)
    if line is not None:
        return line
    line = printable(" ".join(str(error).split()))
    return line if isinstance(error, UserError) else f"{type(error).__name__}: {line}"


def best_value(folder: RunFolder) -> float:
    """Return the value that a finished run returned: the model's own validation metric in its chosen epoch.

    Raises:
        UserError: if its metrics are damaged.
    """
    metrics = read_metrics(folder.metrics)
    name = next((name for name in OWN_METRICS if name in metrics), OWN_METRICS[0])
    value = metric_of(metrics, name, folder.metrics)
    if isinstance(value, str):
        raise UserError(f"{folder.metrics}: {name}={value} should be a number; the file is damaged")
    return float(value)
