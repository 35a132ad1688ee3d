"""Let processes that train one run together end at the same step, when one of them was told to."""

from collections.abc import Callable
from signal import Signals
from typing import Any

import torch
import torch.distributed as dist
from lightning.pytorch import Trainer
from lightning.pytorch.trainer.connectors.signal_connector import _SignalConnector

from vae_lab.ending.interruption import Interrupted, received


class Agreement:
    """Tells a process between two batches whether all processes end there.

    A process that was told to end must not leave alone, since the others would wait for it in their next step. So after
    every batch the processes exchange whether one of them was told to. They take the result after the next batch, when
    it has long arrived, so that no process waits; and it is the same in all of them.

    Args:
        several: whether there are other processes.

    Attributes:
        signal: the signal that ends all processes, once they have agreed on it.
    """

    def __init__(self, *, several: bool) -> None:
        # A group of its own, on the CPU, so that an accelerator's work in progress is not waited for.
        self.group: Any = dist.new_group(backend="gloo") if several else None
        self.exchanged: Callable[[], int] | None = None
        self.signal: Signals | None = None

    def ends_after(self, trainer: Trainer, batch: int) -> bool:
        """Return whether all processes end after a batch, once their state is saved.

        After the last batch of an epoch they go on to its end, where the state is saved anyway; and gradients that are
        still accumulated are not in a state that is saved.

        Args:
            trainer: the trainer.
            batch: the batch of the epoch, counted from 0.
        """
        if self.group is None:
            self.signal = received()
        else:
            arrived, self.exchanged = self.exchanged, self._exchange()
            self.signal = self.signal or (None if arrived is None else as_signal(arrived()))
        has_stepped = (batch + 1) % trainer.accumulate_grad_batches == 0
        return self.signal is not None and has_stepped and batch + 1 < trainer.num_training_batches

    def end_if_told(self) -> None:
        """End this process if all have agreed to.

        Raises:
            Interrupted: if they have.
        """
        if self.signal is not None:
            raise Interrupted(self.signal)

    def end_after_training(self) -> None:
        """End this process if any was told to before the end of the training; they wait for each other.

        Raises:
            Interrupted: if one was.
        """
        self.signal = received() if self.group is None else as_signal(self._exchange()())
        self.end_if_told()

    def _exchange(self) -> Callable[[], int]:
        """Send this process's signal to the others, and return what waits for the highest signal of all."""
        highest = torch.tensor(received() or 0)
        work = dist.all_reduce(highest, dist.ReduceOp.MAX, group=self.group, async_op=True)
        assert work is not None

        def wait() -> int:
            work.wait()
            return int(highest)

        return wait


def as_signal(number: int) -> Signals | None:
    """Return a signal by its number, None for 0."""
    return Signals(number) if number else None


class SignalsLeftAlone(_SignalConnector):
    """Lightning's handlers of signals without that of SIGTERM, which waits for the other processes inside of it."""

    def _sigterm_notifier_fn(self, signum: int, _: object) -> None:
        pass


def leave_signals_alone(trainer: Trainer) -> None:
    """Let SIGTERM be handled by `vae_lab.ending.interruption` while a trainer runs."""
    trainer._signal_connector = SignalsLeftAlone(trainer)
