"""`hydra/sweeper=search`: a search for good hyperparameters.

Hydra imports this module at every start, so it imports nothing heavy.
"""

from typing import Any

from hydra.core.plugins import Plugins
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig


class SearchSweeper(Sweeper):
    """Asks a study for trials until there are as many as planned; see `vae_lab.sweeps.search.search`.

    Args:
        settings: see `conf/hydra/sweeper/search.yaml`; they are read where they are needed, here and in the jobs.
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
        # Not at Hydra's start.
        from vae_lab.sweeps.search.search import search

        assert self.config is not None
        assert self.hydra_context is not None
        assert self.launcher is not None
        search(self.config, self.hydra_context.config_loader, self.launcher, arguments)
