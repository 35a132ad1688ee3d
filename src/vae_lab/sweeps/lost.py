"""Record the end of a job whose process was killed."""

import logging
import math

from hydra.core.utils import JobReturn, JobStatus
from omegaconf import DictConfig, OmegaConf, open_dict

from vae_lab.configuration.overrides import without_hydra
from vae_lab.errors import UserError
from vae_lab.runs.folder import RunFolder, folder_of
from vae_lab.runs.lock import locked
from vae_lab.runs.planned import is_grid
from vae_lab.runs.same_run import is_finished
from vae_lab.sweeps.job import best_value
from vae_lab.sweeps.search.settings import is_search

log = logging.getLogger(__name__)


def lost_job(job: DictConfig, how: str) -> JobReturn:
    """Record the end of a job in its folder, and return what takes the place of Hydra's result of it.

    Args:
        job: the configuration of the job, with Hydra's own part.
        how: how its process ended, as the end of a sentence.
    """
    folder = RunFolder(folder_of(job, job.hydra.job.num))
    with open_dict(job.hydra.runtime):
        job.hydra.runtime.output_dir = str(folder.path.absolute())
    returned = JobReturn(
        overrides=list(job.hydra.overrides.task),
        cfg=without_hydra(job),
        hydra_cfg=OmegaConf.masked_copy(job, "hydra"),
        status=JobStatus.COMPLETED,
    )
    if is_finished(folder.path, without_hydra(job)):  # it was killed after its last moment of work
        returned.return_value = best_value(folder)
        return returned
    reason = f"its process {how}; repeat the command of the sweep to resume it"
    with locked(folder, "records why its job failed"):
        folder.write_text(folder.failed, f"{reason}\n")
    log.error("job %s failed: %s", job.hydra.job.num, reason)
    returned.return_value = math.nan
    if not is_grid(job.hydra) and not is_search(job.hydra):
        returned.status, returned.return_value = JobStatus.FAILED, UserError(f"job {job.hydra.job.num}: {reason}")
    return returned
