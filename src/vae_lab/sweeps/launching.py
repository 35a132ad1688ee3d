"""The base class of this package's launchers; Hydra imports it at every start, so it imports nothing heavy."""

from abc import ABC
from collections.abc import Sequence
from pathlib import Path

from hydra.core.utils import configure_log, setup_globals
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, open_dict


class JobLauncher(Launcher, ABC):
    """The common part of this package's launchers.

    Attributes:
        config: the configuration of the sweep.
        hydra_context: composes the configurations of the jobs.
        task_function: the function that runs a configuration.
    """

    config: DictConfig
    hydra_context: HydraContext
    task_function: TaskFunction

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        self.hydra_context = hydra_context
        self.task_function = task_function
        self.config = config

    def prepare(self) -> None:
        """Prepare the launch of jobs, as Hydra's own launcher does: set up the log, and make the sweep's folder."""
        setup_globals()
        self.log_as_sweep()
        Path(str(self.config.hydra.sweep.dir)).mkdir(parents=True, exist_ok=True)

    def log_as_sweep(self) -> None:
        """Set up the log of the sweep again; each job replaces it by its own."""
        configure_log(self.config.hydra.hydra_logging, self.config.hydra.verbose)


def job_config(hydra_context: HydraContext, config: DictConfig, overrides: Sequence[str], number: int) -> DictConfig:
    """Compose the configuration of a job, with Hydra's own part.

    Args:
        hydra_context: composes configurations.
        config: the configuration of the sweep.
        overrides: the overrides of the job.
        number: the job's number.
    """
    job = hydra_context.config_loader.load_sweep_config(config, list(overrides))
    with open_dict(job):
        job.hydra.job.id = number
        job.hydra.job.num = number
    return job
