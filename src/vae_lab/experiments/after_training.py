"""Run other commands at the end of an experiment."""

import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar

from hydra.core.utils import JobReturn, JobStatus
from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf

from vae_lab import evaluate, gradient_variance
from vae_lab.configuration.choices import targets
from vae_lab.configuration.command import Command
from vae_lab.configuration.paths import conf_dir
from vae_lab.configuration.processes import is_first
from vae_lab.errors import UserError, nearest


class AfterTraining(Callback, ABC):
    """Runs another command on a run, or on all runs of a sweep, after they are trained and tested.

    Its options are checked before anything is trained.

    Args:
        options: keys of that command with values other than the defaults.
    """

    command: ClassVar[Command]

    def __init__(self, **options: Any) -> None:
        self.options = options

    @abstractmethod
    def configurations(self, folders: Sequence[str]) -> list[DictConfig]:
        """Return the configurations of the command for some runs, each for one call of it.

        Raises:
            UserError: if an option is wrong; one line with the key, its value, the reason and the fix.
        """

    def check(self) -> None:
        """Check the options as the command does.

        Raises:
            UserError: if an option is wrong; one line with the key, its value, the reason and the fix.
        """
        for config in self.configurations(["a run to come"]):
            self.command.check_options(config)

    def work(self, folders: Sequence[str]) -> None:
        """Run the command on finished runs, given by their folders."""
        for config in self.configurations(folders):
            self.command.run(config)

    def on_run_start(self, config: DictConfig, **kwargs: Any) -> None:
        exit_on_user_error(self.check)

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        exit_on_user_error(self.check)

    def on_run_end(self, config: DictConfig, **kwargs: Any) -> None:
        done: JobReturn = kwargs["job_return"]
        if is_first() and done.status is JobStatus.COMPLETED and done.hydra_cfg is not None:
            folder = done.hydra_cfg.hydra.runtime.output_dir
            exit_on_user_error(lambda: self.work([folder]))

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        # Not for commands that end before any job does.
        from vae_lab.runs.reading import read_runs

        runs = read_runs([Path(config.hydra.sweep.dir)])
        finished = [str(run.folder) for run in runs if run.status == "finished"]
        if is_first() and finished:
            exit_on_user_error(lambda: self.work(finished))

    def settings(self, run: str | list[str]) -> DictConfig:
        """Return the configuration of the command for some runs: its defaults with the options of this callback."""
        defaults = OmegaConf.load(conf_dir() / f"{self.command.name}.yaml")
        assert isinstance(defaults, DictConfig)
        config = OmegaConf.masked_copy(defaults, [key for key in self.command.options.model_fields if key in defaults])
        config.merge_with(self.options, {"run": run})
        return config


def exit_on_user_error(work: Callable[[], None]) -> None:
    """Call a function, and exit with one line if it raises a `UserError`.

    Hydra turns an exception in a callback into a warning, and would go on.
    """
    try:
        work()
    except UserError as error:
        sys.exit(str(error))


class Evaluate(AfterTraining):
    """Measures runs as `python -m vae_lab.evaluate run=DIR measure=[...]` does, all in one table.

    Args:
        measure: the names of the measures; they have their default options.
        options: other keys of that command.
    """

    command = evaluate.COMMAND

    def __init__(self, measure: Sequence[str], **options: Any) -> None:
        super().__init__(**options)
        self.measure = measure

    def configurations(self, folders: Sequence[str]) -> list[DictConfig]:
        config = self.settings(list(folders))
        for name in self.measure:
            if name not in targets("measure"):
                raise UserError(f"measure={name}: this measure is unknown; {nearest(name, targets('measure'))}")
        config.measure = {name: OmegaConf.load(conf_dir() / "measure" / f"{name}.yaml") for name in self.measure}
        return [config]


class CompareEstimators(AfterTraining):
    """Compares gradient estimators on each run, as `python -m vae_lab.gradient_variance run=DIR` does.

    Args:
        options: keys of that command with values other than the defaults.
    """

    command = gradient_variance.COMMAND

    def configurations(self, folders: Sequence[str]) -> list[DictConfig]:
        return [self.settings(folder) for folder in folders]
