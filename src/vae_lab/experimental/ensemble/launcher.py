"""The launcher behind `hydra/launcher=ensemble`: it trains similar jobs of a multirun as one.

Hydra imports this module at every start, so it imports nothing heavy.
"""

import logging
from collections.abc import Sequence

from hydra.core.utils import JobReturn, filter_overrides, run_job

from vae_lab.runs.folder import RunFolder, folder_of
from vae_lab.runs.same_run import is_finished
from vae_lab.sweeps.launching import JobLauncher, job_config

log = logging.getLogger(__name__)


class EnsembleLauncher(JobLauncher):
    """Runs jobs as Hydra's own launcher does, except that jobs which can be trained together are nested.

    Each job has its own folder, log and result. A job that is ready to train starts the next one of its group, and the
    last one trains them all.

    Args:
        max_members: jobs trained at once, at most.

    Raises:
        ValueError: if `max_members` is less than 1.
    """

    def __init__(self, max_members: int) -> None:
        if max_members < 1:
            raise ValueError(f"hydra.launcher.max_members={max_members}: expected at least 1")
        self.max_members = max_members

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        # Imported here, so that Hydra starts fast.
        from vae_lab.experimental.ensemble.checkpoints import settle
        from vae_lab.experimental.ensemble.coordinator import train_together
        from vae_lab.experimental.ensemble.groups import group_jobs

        self.prepare()
        configs = [
            job_config(self.hydra_context, self.config, overrides, initial_job_idx + job)
            for job, overrides in enumerate(job_overrides)
        ]
        returns: dict[int, JobReturn] = {}

        def start(job: int) -> None:
            self.log_as_sweep()
            log.info("\t#%s : %s", initial_job_idx + job, " ".join(filter_overrides(job_overrides[job])))
            returns[job] = run_job(
                hydra_context=self.hydra_context,
                task_function=self.task_function,
                config=configs[job],
                job_dir_key="hydra.sweep.dir",
                job_subdir_key="hydra.sweep.subdir",
            )

        groups = group_jobs(configs, self.max_members)
        log.info("Launching %s jobs in %s groups", len(configs), len(groups))
        for group in groups:
            folders = {job: folder_of(configs[job], initial_job_idx + job) for job in group}
            settle([RunFolder(folders[job]) for job in group if not is_finished(folders[job], configs[job])])
            train_together(group, start)
        self.log_as_sweep()
        return [returns[job] for job in range(len(configs))]
