"""Check the jobs of a sweep before any of them starts."""

from collections.abc import Sequence

from omegaconf import DictConfig

from vae_lab.configuration.check import check_new
from vae_lab.configuration.costs import check_launcher_costs, check_trainer_costs, is_local
from vae_lab.configuration.overrides import compose_with_hydra, parse, without_hydra
from vae_lab.errors import UserError
from vae_lab.runs.door import Entrance, knock
from vae_lab.runs.folder import RunFolder, folder_of
from vae_lab.runs.planned import grid, is_grid
from vae_lab.sweeps.cores import number_of_processes
from vae_lab.sweeps.search.settings import check_search, is_search

GPUS = "hydra_plugins.hydra_gpus_launcher.launcher.GpusLauncher"
PROCESSES = "hydra_plugins.hydra_processes_launcher.launcher.ProcessesLauncher"


def check_sweep(config_name: str, hydra: DictConfig, arguments: Sequence[str]) -> None:
    """Check a sweep: each value must work in some job, the launcher must be usable, and no folder may hold another run.

    If each value of a wrong combination works in another job, the job itself reports it. The jobs of sweepers that
    choose them one after the other are not checked here, except for the first values of a search. Hydra must have been
    initialised with the folder of the configuration.

    Args:
        config_name: the YAML of the defaults.
        hydra: Hydra's own configuration.
        arguments: the overrides of the command line.

    Raises:
        UserError: if the sweep cannot work; nothing is trained or written before.
    """
    if hydra.launcher["_target_"] == GPUS:
        # Imported here, since it imports torch to count GPUs and other sweeps do not need it.
        from vae_lab.sweeps.gpus import assign_gpus, visible_gpus

        assign_gpus(visible_gpus(), hydra.launcher.runs_per_gpu)
    if hydra.launcher["_target_"] == PROCESSES:
        number_of_processes(hydra.launcher.n_jobs)
    if is_search(hydra):
        check_search(config_name, hydra, arguments)
        check_launcher_costs(hydra.launcher, hydra.sweeper.n_jobs)
    if not is_grid(hydra):
        return
    jobs = grid(hydra, arguments)
    check_launcher_costs(hydra.launcher, len(jobs))
    own = [override.input_line or "" for override in parse(arguments) if override.is_hydra_override()]
    sound: set[str] = set()
    refused: dict[str, UserError] = {}
    for number, job in enumerate(jobs):
        config = compose_with_hydra(config_name, [*own, *job])
        folder = folder_of(config, number)
        config = without_hydra(config)
        try:
            check_new(config)
            if is_local(hydra.launcher):
                check_trainer_costs(config.trainer)
            sound.update(job)
        except UserError as error:
            for override in job:
                refused.setdefault(override, error)
        else:
            knock(RunFolder(folder), config, Entrance.JOB)
    for override, reason in refused.items():
        if override not in sound:
            raise reason
