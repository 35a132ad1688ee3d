"""`hydra/launcher=ensemble`: like jobs of a multirun as one training.

Hydra imports this module at every start, so it imports nothing heavy.
"""

import logging
from collections.abc import Sequence
from pathlib import Path

from hydra.core.utils import JobReturn, configure_log, filter_overrides, run_job, setup_globals
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, open_dict

log = logging.getLogger(__name__)


class EnsembleLauncher(Launcher):
    """Runs jobs as Hydra's own launcher does, but those that can be trained together inside each other.

    Each job has its own folder, log and result; a job that is ready to train starts the next one of its group, and
    the last one trains them all.

    Args:
        max_members: jobs trained at once, at most.
    """

    def __init__(self, max_members: int) -> None:
        if max_members < 1:
            raise ValueError(f"hydra.launcher.max_members={max_members}: it must be at least 1")
        self.max_members = max_members

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        self.hydra_context = hydra_context
        self.task_function = task_function
        self.config = config

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        # Not at Hydra's start.
        from vae_lab.ensemble.gathering import gathered
        from vae_lab.ensemble.groups import grouped

        setup_globals()
        configure_log(self.config.hydra.hydra_logging, self.config.hydra.verbose)
        Path(str(self.config.hydra.sweep.dir)).mkdir(parents=True, exist_ok=True)
        configs = [self._configuration(overrides, initial_job_idx + job) for job, overrides in enumerate(job_overrides)]
        returns: dict[int, JobReturn] = {}

        def start(job: int) -> None:
            configure_log(self.config.hydra.hydra_logging, self.config.hydra.verbose)
            log.info("\t#%s : %s", initial_job_idx + job, " ".join(filter_overrides(job_overrides[job])))
            returns[job] = run_job(
                hydra_context=self.hydra_context,
                task_function=self.task_function,
                config=configs[job],
                job_dir_key="hydra.sweep.dir",
                job_subdir_key="hydra.sweep.subdir",
            )

        groups = grouped(configs, self.max_members)
        log.info("Launching %s jobs in %s groups", len(configs), len(groups))
        for group in groups:
            gathered(group, start)
        configure_log(self.config.hydra.hydra_logging, self.config.hydra.verbose)
        return [returns[job] for job in range(len(configs))]

    def _configuration(self, overrides: Sequence[str], number: int) -> DictConfig:
        config = self.hydra_context.config_loader.load_sweep_config(self.config, list(overrides))
        with open_dict(config):
            config.hydra.job.id = number
            config.hydra.job.num = number
        return config
