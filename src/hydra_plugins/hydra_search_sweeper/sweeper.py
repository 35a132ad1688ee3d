"""`hydra/sweeper=search`: a search for good hyperparameters.

Hydra imports this module at every start, so it imports nothing heavy.
"""

from typing import Any

from hydra.core.plugins import Plugins
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig


class SearchSweeper(Sweeper):
    """Runs the trials of a study until their number is reached; see `vae_lab.sweeps.search.search`.

    Args:
        settings: the keys of `conf/hydra/sweeper/search.yaml`, which the search and its jobs read from Hydra's
            configuration.
    """

    def __init__(self, **settings: Any) -> None:
        self.settings = settings

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        self.hydra_context = hydra_context
        self.config = config
        self.launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )

    def sweep(self, arguments: list[str]) -> None:
        # Imported here, so that Hydra starts fast.
        from vae_lab.sweeps.search.search import search

        assert self.config is not None
        assert self.hydra_context is not None
        assert self.launcher is not None
        search(self.config, self.hydra_context.config_loader, self.launcher, arguments)
