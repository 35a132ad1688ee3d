"""What the launchers of this package share; Hydra imports it at every start, so it imports nothing heavy."""

from abc import ABC
from collections.abc import Sequence
from pathlib import Path

from hydra.core.utils import configure_log, setup_globals
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, open_dict


class JobLauncher(Launcher, ABC):
    """A launcher that runs Hydra's jobs in a way of its own."""

    config: DictConfig
    hydra_context: HydraContext
    task_function: TaskFunction

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        self.hydra_context = hydra_context
        self.task_function = task_function
        self.config = config

    def begin(self) -> None:
        """What comes before any job: as Hydra's own launcher has it."""
        setup_globals()
        self.log_as_sweep()
        Path(str(self.config.hydra.sweep.dir)).mkdir(parents=True, exist_ok=True)

    def log_as_sweep(self) -> None:
        """Log what concerns all jobs; each job sets its own log up."""
        configure_log(self.config.hydra.hydra_logging, self.config.hydra.verbose)


def job_config(hydra_context: HydraContext, config: DictConfig, overrides: Sequence[str], number: int) -> DictConfig:
    """The configuration of a job with Hydra's own part.

    Args:
        hydra_context: what composes it.
        config: the configuration of the sweep.
        overrides: those of the job.
        number: the job's number.
    """
    job = hydra_context.config_loader.load_sweep_config(config, list(overrides))
    with open_dict(job):
        job.hydra.job.id = number
        job.hydra.job.num = number
    return job
