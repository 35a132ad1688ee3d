"""A process that works for another one ends when that one is gone."""

import os
import signal
import threading
import time
from contextlib import suppress
from pathlib import Path

from vae_lab.ending.interruption import GRACE, handle_signals, received

# The variable in which a process gives its number to those that it starts.
PARENT = "VAE_LAB_PARENT"
SECONDS = 0.5  # between two looks
GRACE_OF_HELPERS = 3.0  # seconds, of a process that can save nothing alone

_watched: set[int] = set()


def end_with(parent: int, grace: float = GRACE) -> None:
    """End this process, as if told by SIGTERM, as soon as another one has ended.

    Args:
        parent: the number of that process, which started this one or the one that did.
        grace: seconds until this process ends in any case.
    """
    if parent in _watched or parent == os.getpid():
        return
    _watched.add(parent)
    handle_signals()
    threading.Thread(target=_watch, args=[parent, grace], daemon=True, name="parent").start()


def end_with_named_parent(*, can_save: bool) -> None:
    """End this process with the one that started it, if that one has given its number; see `end_with`.

    Args:
        can_save: whether this process can save anything alone.
    """
    if PARENT in os.environ:
        end_with(int(os.environ[PARENT]), GRACE if can_save else GRACE_OF_HELPERS)


def _watch(parent: int, grace: float) -> None:
    while is_alive(parent):
        time.sleep(SECONDS)
    if received() is None:
        os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(grace)
    os._exit(128 + signal.SIGTERM)


def is_alive(process: int) -> bool:
    """Return whether a process runs; one that has ended and was not waited for does not."""
    if os.getppid() == process:
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    with suppress(OSError):  # where there is no /proc
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
        return state not in "ZX"
    return True


def has_ended(status: int) -> str:
    """Return how a process has ended, as the end of a sentence.

    Args:
        status: its exit status, or minus the signal that killed it.

    >>> has_ended(-9), has_ended(143), has_ended(1)
    ('was killed by signal 9 (SIGKILL)', 'ended after signal 15 (SIGTERM)', 'ended with status 1')
    """
    for killed_by, ended in ((-status, "was killed by"), (status - 128, "ended after")):
        if killed_by in set(signal.Signals):
            return f"{ended} signal {killed_by} ({signal.Signals(killed_by).name})"
    return f"ended with status {status}"
