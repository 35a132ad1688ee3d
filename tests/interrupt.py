"""A callback that interrupts its own run, as a crash or a cluster would."""

import os
import signal
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer


class InterruptAt(Callback):
    """Sends a signal to the process at the end of a training batch.

    Args:
        batch: batches since the start of training, of all epochs.
        name: the signal, such as SIGKILL.
    """

    def __init__(self, batch: int, name: str) -> None:
        self.batch = batch
        self.signal = signal.Signals[name]

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if trainer.global_step == self.batch:
            os.kill(os.getpid(), self.signal)
