"""Callbacks that interrupt their own run, as a crash or a cluster would, or tell where it runs."""

import os
import signal
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer


class InterruptAt(Callback):
    """Sends a signal to a process at the end of a training batch, once in a run.

    Args:
        batch: batches since the start of training, of all epochs.
        name: the signal, such as SIGKILL.
        job: the folder of the only job of a sweep to be interrupted.
        rank: the number of the process that sends it, of those that train the run.
        to: who gets it: this process (`own`), the one that started it (`main`), or all of them (`group`).
    """

    def __init__(self, batch: int, name: str, job: int | None = None, rank: int = 0, to: str = "own") -> None:
        self.batch = batch
        self.job = job
        self.signal = signal.Signals[name]
        self.rank = rank
        self.to = to

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        here = self.job is None or Path(trainer.default_root_dir).name == str(self.job)
        here = here and trainer.global_rank == self.rank
        sent = Path(trainer.default_root_dir, "signal.txt")
        if here and trainer.global_step == self.batch and not sent.exists():
            sent.touch()
            if self.to == "group":
                os.killpg(os.getpgrp(), self.signal)
            else:
                os.kill({"own": os.getpid(), "main": os.getpgrp()}[self.to], self.signal)


class KillAfterValidation(Callback):
    """Kills its process between the validation of an epoch and the checkpoint of its end, once in a run.

    Args:
        epoch: the number of the epoch.
    """

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        sent = Path(trainer.default_root_dir, "signal.txt")
        if trainer.current_epoch == self.epoch and not sent.exists():
            sent.touch()
            for logger in trainer.loggers:
                logger.save()  # its points are in the files, as they may be
            os.kill(os.getpid(), signal.SIGKILL)


class FailAtStart(Callback):
    """Raises what nobody foresaw.

    Args:
        job: the folder of the only job of a sweep to fail.
    """

    def __init__(self, job: int) -> None:
        self.job = job

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if Path(trainer.default_root_dir).name == str(self.job):
            raise RuntimeError("the disk is full")


class TellThreads(Callback):
    """Writes down the process of a run, and with how many threads it computes."""

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        Path(trainer.default_root_dir, "threads.txt").write_text(f"{os.getpid()} {torch.get_num_threads()}")


class TellGpu(Callback):
    """Writes down which GPUs the process of a run may see."""

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        Path(trainer.default_root_dir, "gpu.txt").write_text(os.environ["CUDA_VISIBLE_DEVICES"])


class PoisonAt(Callback):
    """Makes the weights useless at the end of a training batch, as an exploding gradient would.

    Args:
        batch: batches since the start of training, of all epochs.
    """

    def __init__(self, batch: int) -> None:
        self.batch = batch

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if trainer.global_step == self.batch:
            next(pl_module.parameters()).data.fill_(float("nan"))
