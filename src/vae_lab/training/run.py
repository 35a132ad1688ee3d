"""A run that is ready to train, and the protocol of what trains several runs together."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import Timer
from omegaconf import DictConfig

from vae_lab.configuration.memory_errors import explain_memory_error
from vae_lab.data.module import ImageData
from vae_lab.errors import UserError
from vae_lab.training.checkpoints import BestAndLast
from vae_lab.training.module import TrainingModule


@dataclass
class Run:
    """A run that is ready to train, in its own folder.

    Attributes:
        config: the run's configuration.
        run_dir: the run's folder.
        data: the images.
        module: the model with its objective.
        trainer: Lightning's trainer.
        checkpoints: writes the run's checkpoints.
        timer: measures the time of the training.
        resumed: the checkpoint that the training resumes from, or None.
    """

    config: DictConfig
    run_dir: Path
    data: ImageData
    module: TrainingModule
    trainer: Trainer
    checkpoints: BestAndLast
    timer: Timer
    resumed: Path | None

    def fit(self) -> None:
        """Train this run only."""
        with self.told_if_damaged():
            self.trainer.fit(self.module, datamodule=self.data, ckpt_path=self.resumed, weights_only=True)

    @contextmanager
    def told_if_damaged(self) -> Iterator[None]:
        """Tell of a checkpoint from which the training cannot be restored, inside of a `with` block that does it.

        Raises:
            UserError: one line with the file.
        """
        try:
            yield
        except (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
            if self.resumed is None or self.checkpoints.has_begun or explain_memory_error(error) is not None:
                raise
            raise UserError(
                f"{self.resumed}: the training cannot be restored from it ({' '.join(str(error).split())}); it is "
                "damaged: restore it from a copy, or train the run again"
            ) from error


class CoTrainer(Protocol):
    """Trains several runs at once, instead of their own `fit`."""

    @property
    def data(self) -> ImageData | None:
        """The images that an earlier run has read, or None."""

    def fit(self, run: Run) -> None:
        """Train a run together with the others.

        Raises:
            Exception: the error of its own training.
        """


# Set by a launcher that trains several runs at once; None if each run is trained separately.
CO_TRAINER: ContextVar[CoTrainer | None] = ContextVar("co_trainer", default=None)
