"""How far a training is: a bar on a terminal, and one plain line an epoch wherever there is none."""

import logging
import sys
import time
from logging import FileHandler
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import ProgressBar, TQDMProgressBar

from vae_lab.configuration.options import PositiveInt

log = logging.getLogger(__name__)


class Progress(TQDMProgressBar):
    """A bar on a terminal, with the epoch counted from 1 and the time that is left for all of them.

    Where the output is no terminal it shows nothing: each refresh would be a line of a file.

    Args:
        refresh_rate: batches between two updates of the bar.
    """

    def __init__(self, refresh_rate: PositiveInt = 20) -> None:
        super().__init__(refresh_rate=refresh_rate)
        if not sys.stdout.isatty():
            self.disable()

    def on_train_start(self, trainer: Trainer, *args: Any) -> None:
        super().on_train_start(trainer, *args)
        self.pace = Pace(trainer)

    def on_train_epoch_start(self, trainer: Trainer, *args: Any) -> None:
        super().on_train_epoch_start(trainer, *args)
        left = self.pace.time_left(trainer, trainer.current_epoch)
        self.train_progress_bar.set_description(f"{name_of_epoch(trainer)}{left}")

    def get_metrics(self, trainer: Trainer, pl_module: LightningModule) -> dict[str, Any]:
        metrics = super().get_metrics(trainer, pl_module)
        metrics.pop("v_num", None)  # the number of a logger's folder
        return metrics


class EpochLines(Callback):
    """Writes one line an epoch into the log of the run, and onto the terminal if there is no bar."""

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.pace = Pace(trainer)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not trainer.is_global_zero:
            return
        metrics = "".join(f", {name}={float(value):.3f}" for name, value in trainer.progress_bar_metrics.items())
        line = f"{name_of_epoch(trainer)}{metrics}{self.pace.time_left(trainer, trainer.current_epoch + 1)}"
        record = log.makeRecord(log.name, logging.INFO, __file__, 0, line, (), None)
        for handler in logging.root.handlers:
            if isinstance(handler, FileHandler) or not has_bar(trainer):
                handler.handle(record)


class Pace:
    """The speed of a training from now on.

    Args:
        trainer: its trainer.
    """

    def __init__(self, trainer: Trainer) -> None:
        self.first_epoch, self.begin = trainer.current_epoch, time.monotonic()

    def time_left(self, trainer: Trainer, num_done: int) -> str:
        """Return the time that the rest of the training takes at the speed so far, as the end of a line.

        Args:
            trainer: the trainer.
            num_done: the epochs that are done, those before this object was made among them.
        """
        done, rest = num_done - self.first_epoch, (trainer.max_epochs or 0) - num_done
        if done <= 0 or rest <= 0:
            return ""
        seconds = round((time.monotonic() - self.begin) / done * rest)
        return f", {seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02} left"


def name_of_epoch(trainer: Trainer) -> str:
    """Return the current epoch as a person counts, from 1."""
    known = trainer.max_epochs is not None and trainer.max_epochs > 0
    return f"epoch {trainer.current_epoch + 1}" + (f" of {trainer.max_epochs}" if known else "")


def has_bar(trainer: Trainer) -> bool:
    """Return whether a bar shows how far the training is."""
    bars = [callback for callback in trainer.callbacks if isinstance(callback, ProgressBar)]  # type: ignore[attr-defined]
    return any(getattr(bar, "is_enabled", True) for bar in bars)
