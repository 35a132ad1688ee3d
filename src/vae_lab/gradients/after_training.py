"""A comparison of gradient estimators as the end of an experiment."""

import sys
from typing import Any

from hydra.core.utils import JobReturn, JobStatus
from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf

from vae_lab.configuration.check import typed
from vae_lab.configuration.gradient_variance import GradientVariance
from vae_lab.configuration.paths import conf_dir
from vae_lab.errors import UserError


class CompareEstimators(Callback):
    """Does to a run, once it is trained and tested, what `python -m vae_lab.gradient_variance` would do.

    Args:
        options: keys of that command that are not to have their defaults.
    """

    def __init__(self, **options: Any) -> None:
        self.options = options

    def on_run_start(self, config: DictConfig, **kwargs: Any) -> None:
        try:
            typed(self.comparison("a run to come"), GradientVariance)
        except UserError as error:
            sys.exit(str(error))  # of an exception Hydra would make a warning

    def on_run_end(self, config: DictConfig, **kwargs: Any) -> None:
        # Not for commands that end before a run does.
        from vae_lab.gradients.comparison import compare_estimators

        job_return: JobReturn = kwargs["job_return"]
        if job_return.status is JobStatus.COMPLETED and job_return.hydra_cfg is not None:
            try:
                compare_estimators(self.comparison(job_return.hydra_cfg.hydra.runtime.output_dir))
            except UserError as error:
                sys.exit(str(error))

    def comparison(self, run: str) -> DictConfig:
        """The configuration of that command for a run."""
        command = OmegaConf.load(conf_dir() / "gradient_variance.yaml")
        assert isinstance(command, DictConfig)
        command.run = run
        return DictConfig({key: command[key] for key in GradientVariance.model_fields} | self.options)
