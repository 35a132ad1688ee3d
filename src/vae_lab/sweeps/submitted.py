"""The base class of launchers that submit jobs to a cluster; Hydra imports it at every start, so it is light."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from hydra.core.singleton import Singleton
from hydra.core.utils import JobReturn, filter_overrides
from omegaconf import OmegaConf

from vae_lab.sweeps.launching import JobLauncher, job_config

log = logging.getLogger(__name__)


class SubmittedLauncher(JobLauncher):
    """Submits jobs as `hydra-submitit-launcher` does, but a job that is lost has failed, and the others go on.

    Args:
        params: the settings of that launcher.

    Attributes:
        executor: the name of submitit's executor.
    """

    executor: ClassVar[str]

    def __init__(self, **params: Any) -> None:
        self.params = params

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        # Imported here, so that Hydra starts fast, and without these packages.
        import submitit
        from hydra_plugins.hydra_submitit_launcher.config import BaseQueueConf
        from hydra_plugins.hydra_submitit_launcher.submitit_launcher import BaseSubmititLauncher

        self.prepare()
        job = BaseSubmititLauncher(**self.params)  # what is submitted, and submitted again after a preemption
        job.setup(hydra_context=self.hydra_context, task_function=self.task_function, config=self.config)
        settings = dict(self.params)
        folder, timeouts = settings.pop("submitit_folder"), {}
        if "max_num_timeout" in settings:
            timeouts[f"{self.executor}_max_num_timeout"] = settings.pop("max_num_timeout")
        executor = submitit.AutoExecutor(folder, cluster=self.executor, **timeouts)
        shared = set(OmegaConf.structured(BaseQueueConf).keys())
        executor.update_parameters(
            **{name if name in shared else f"{self.executor}_{name}": value for name, value in settings.items()}
        )
        log.info("Submitting %s jobs", len(job_overrides))
        numbers = range(initial_job_idx, initial_job_idx + len(job_overrides))
        for number, overrides in zip(numbers, job_overrides, strict=True):
            log.info("\t#%s : %s", number, " ".join(filter_overrides(overrides)))
        state = Singleton.get_state()
        arguments = [
            (list(overrides), "hydra.sweep.dir", number, str(number), state)
            for number, overrides in zip(numbers, job_overrides, strict=True)
        ]
        submitted = executor.map_array(job, *zip(*arguments, strict=True))
        return [
            self.result(each, overrides, number)
            for each, overrides, number in zip(submitted, job_overrides, numbers, strict=True)
        ]

    def result(self, submitted: Any, overrides: Sequence[str], number: int) -> JobReturn:
        """Wait for a submitted job, and return its result, or what takes the place of it if the job was lost."""
        from submitit.core.utils import FailedJobError, UncompletedJobError

        from vae_lab.sweeps.lost import lost_job

        try:
            returned: JobReturn = submitted.results()[0]
            return returned
        except (FailedJobError, UncompletedJobError):
            log_file = Path(submitted.paths.stderr)
            how = f"has ended without a result (its last words are in {log_file})"
            return lost_job(job_config(self.hydra_context, self.config, overrides, number), how)
