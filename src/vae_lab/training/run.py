"""A run that is ready to train, and what may train it together with others."""

from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import Timer
from omegaconf import DictConfig

from vae_lab.data.module import ImageData
from vae_lab.training.callbacks import BestAndLast
from vae_lab.training.module import TrainingModule


@dataclass
class Run:
    """A run that is ready to train, in its own folder."""

    config: DictConfig
    run_dir: Path
    data: ImageData
    module: TrainingModule
    trainer: Trainer
    checkpoints: BestAndLast
    timer: Timer
    resumed: Path | None  # the checkpoint that it goes on from
    ensemble_size: int = 1  # runs that were trained at once

    def fit(self) -> None:
        """Train it by itself."""
        self.trainer.fit(self.module, datamodule=self.data, ckpt_path=self.resumed, weights_only=True)


class CoTrainer(Protocol):
    """Trains several runs at once, in the place of their own `fit`."""

    @property
    def data(self) -> ImageData | None:
        """The images that a run before this one has read, or None."""

    def fit(self, run: Run) -> None:
        """Train a run along with the others.

        Raises:
            Exception: what its own training failed with.
        """


# Set by a launcher that trains several runs at once; None where each trains by itself.
CO_TRAINER: ContextVar[CoTrainer | None] = ContextVar("co_trainer", default=None)
