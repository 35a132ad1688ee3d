"""The base class of launchers that run jobs in processes of this machine; Hydra imports it at every start."""

import logging
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from hydra.core.hydra_config import HydraConfig
from hydra.core.singleton import Singleton
from hydra.core.utils import JobReturn, filter_overrides, run_job, setup_globals
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

from vae_lab.sweeps.launching import JobLauncher, job_config

if TYPE_CHECKING:
    from vae_lab.sweeps.processes import Processes

log = logging.getLogger(__name__)


class ProcessLauncher(JobLauncher):
    """Runs each job in the first free process; a job whose process is killed has failed, and the others go on.

    Attributes:
        processes: the processes, started with the first jobs.
    """

    def __init__(self) -> None:
        self.processes: Processes | None = None

    @abstractmethod
    def environments(self, num_jobs: int) -> Sequence[Mapping[str, str]]:
        """Return the environment variables of each process, beside those of this one.

        Args:
            num_jobs: the number of jobs of the first launch.
        """

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        # Imported here, so that Hydra starts fast.
        from vae_lab.sweeps.lost import lost_job
        from vae_lab.sweeps.processes import Processes

        self.prepare()
        if self.processes is None:
            self.processes = Processes(self.environments(len(job_overrides)))
        log.info("Launching %s jobs, at most %s at once", len(job_overrides), len(self.processes))
        for number, overrides in enumerate(job_overrides, initial_job_idx):
            log.info("\t#%s : %s", number, " ".join(filter_overrides(overrides)))
        state = Singleton.get_state()

        def lost(job: int, how: str) -> JobReturn:
            number = initial_job_idx + job
            return lost_job(job_config(self.hydra_context, self.config, job_overrides[job], number), how)

        return self.processes.run(
            [
                partial(run, number, overrides, self.hydra_context, self.config, self.task_function, state)
                for number, overrides in enumerate(job_overrides, initial_job_idx)
            ],
            lost,
        )


def run(
    number: int,
    overrides: Sequence[str],
    hydra_context: HydraContext,
    config: DictConfig,
    task_function: TaskFunction,
    singletons: dict[type, Singleton],
) -> JobReturn:
    """Run a job in a separate process, as Hydra's own launcher would run it in the main process.

    Args:
        number: the job's number.
        overrides: the job's overrides.
        hydra_context: composes the job's configuration.
        config: the configuration of the sweep.
        task_function: the function that runs a configuration.
        singletons: Hydra's singletons of the main process.
    """
    setup_globals()
    Singleton.set_state(singletons)
    job = job_config(hydra_context, config, overrides, number)
    HydraConfig.instance().set_config(job)
    return run_job(
        hydra_context=hydra_context,
        task_function=task_function,
        config=job,
        job_dir_key="hydra.sweep.dir",
        job_subdir_key="hydra.sweep.subdir",
    )
