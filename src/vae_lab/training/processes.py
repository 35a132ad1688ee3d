"""The processes of one machine that train a run together: they are started, watched, and end together."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from lightning.fabric.utilities.distributed import _set_num_threads_if_needed
from lightning.pytorch import Trainer
from lightning.pytorch.strategies.launchers.subprocess_script import _SubprocessScriptLauncher

from vae_lab.configuration.processes import is_first
from vae_lab.ending.parent import PARENT, has_ended, is_alive
from vae_lab.errors import printable

SECONDS = 0.2  # between two looks
PATIENCE = 5.0  # seconds for a process to notice by itself that another one has ended

# What torch says when another process has closed its connection.
CLOSED = ("onnection closed", "onnection reset", "onnection refused", "roken pipe", "onnection was closed")

# The other processes that this one has started; they stay for all jobs of a sweep.
_others: list["subprocess.Popen[bytes]"] = []


class WatchedProcesses(_SubprocessScriptLauncher):
    """Starts the other processes as Lightning does, but does not kill the first one when another one has ended."""

    def launch(self, function: Callable[..., Any], *args: Any, trainer: Trainer | None = None, **kwargs: Any) -> Any:
        if not self.cluster_environment.creates_processes_externally:
            os.environ[PARENT] = str(os.getpid())
            self._call_children_scripts()
            _others.extend(self.procs)
        _set_num_threads_if_needed(num_processes=self.num_processes)
        return function(*args, **kwargs)


def watch_processes(trainer: Trainer) -> None:
    """Let the processes that a trainer will start be watched by this module instead of Lightning."""
    launcher = trainer.strategy.launcher
    if isinstance(launcher, _SubprocessScriptLauncher):
        trainer.strategy._launcher = WatchedProcesses(
            launcher.cluster_environment, launcher.num_processes, launcher.num_nodes
        )


@contextmanager
def together(trainer: Trainer, way_on: str) -> Iterator[None]:
    """End this process inside if another one of the run has ended, which it would wait for.

    Args:
        trainer: the trainer of the run.
        way_on: what a person is told to do then.

    Raises:
        SystemExit: with one line that names the other process; without a line where another process tells it.
    """
    if trainer.world_size == 1:
        yield
        return
    over = threading.Event()
    threading.Thread(target=_end_if_stuck, args=[over, way_on], daemon=True, name="others").start()
    try:
        yield
    except RuntimeError as error:
        if not any(said in str(error) for said in CLOSED):
            raise
        raise SystemExit(_explanation(way_on)) from error
    finally:
        over.set()


def _end_if_stuck(over: threading.Event, way_on: str) -> None:
    """End this process if it cannot notice that another one has failed, since it waits for an accelerator."""
    while not over.wait(SECONDS):
        failure = failed_process()
        if failure is not None and not over.wait(PATIENCE):
            print(printable(f"{failure}; {way_on}"), file=sys.stderr, flush=True)
            os._exit(1)


def _explanation(way_on: str) -> str | int:
    """Return what to tell of a closed connection, or the exit status if another process tells it."""
    parent = int(os.environ[PARENT]) if PARENT in os.environ else None
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:  # a connection is closed a moment before its process has ended
        if (failure := failed_process()) is not None:
            return f"{failure}; {way_on}"
        if not is_first() and parent is not None and not is_alive(parent):
            return f"the first process of this run has ended; {way_on}" if os.environ["LOCAL_RANK"] == "1" else 1
        time.sleep(SECONDS)
    return 1 if parent is not None and not is_first() else f"another process of this run has ended; {way_on}"


def failed_process() -> str | None:
    """Return which of the other processes has failed, and how; None if none has."""
    for number, process in enumerate(_others, 1):
        if process.poll():
            return f"process {number} of {len(_others) + 1} {has_ended(process.returncode)}"
    return None
