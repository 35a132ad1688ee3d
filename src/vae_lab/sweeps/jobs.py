"""The jobs of a sweep, before any of them starts."""

from collections.abc import Sequence

from omegaconf import DictConfig

from vae_lab.configuration.check import check
from vae_lab.configuration.overrides import compose_with_hydra, parse, without_hydra
from vae_lab.errors import UserError
from vae_lab.runs.folder import folder_of
from vae_lab.runs.planned import grid, is_grid
from vae_lab.runs.same_run import check_same_run
from vae_lab.sweeps.search.settings import check_search, is_search

GPUS = "hydra_plugins.hydra_gpus_launcher.launcher.GpusLauncher"


def check_sweep(config_name: str, hydra: DictConfig, arguments: Sequence[str]) -> None:
    """Refuse a sweep with a value that works in none of its jobs, nowhere to run, or a folder that holds other runs.

    A combination that contradicts itself, of values that work elsewhere in the sweep, is left to its job to report; so
    are most jobs of a sweeper that only chooses them as it goes.
    Hydra must have been initialised with the folder of the configuration.

    Args:
        config_name: the YAML of the defaults.
        hydra: Hydra's own configuration.
        arguments: the overrides of the command line.

    Raises:
        UserError: one line, before anything is trained or written.
    """
    if hydra.launcher["_target_"] == GPUS:
        # Not for other sweeps: it imports torch, to count GPUs.
        from vae_lab.sweeps.gpus import places, visible_gpus

        places(visible_gpus(), hydra.launcher.runs_per_gpu)
    if is_search(hydra):
        check_search(config_name, hydra, arguments)
    if not is_grid(hydra):
        return
    own = [override.input_line or "" for override in parse(arguments) if override.is_hydra_override()]
    sound: set[str] = set()
    refused: dict[str, UserError] = {}
    for number, job in enumerate(grid(hydra, arguments)):
        config = compose_with_hydra(config_name, [*own, *job])
        folder = folder_of(config, number)
        config = without_hydra(config)
        try:
            check(config)
            sound.update(job)
        except UserError as error:
            for override in job:
                refused.setdefault(override, error)
        else:
            check_same_run(folder, config)
    for override, reason in refused.items():
        if override not in sound:
            raise reason
