"""The processes of a command, found by its session and by a mark in their surroundings."""

import ctypes
import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

MARK = "VAE_LAB_TORTURE"


def die_with_parent(number: int = signal.SIGKILL) -> None:
    """Have the system send a signal to this process as soon as the one that started it ends."""
    set_death_signal = 1
    ctypes.CDLL(None).prctl(set_death_signal, int(number))


@dataclass(frozen=True)
class Member:
    """A process of a command.

    Attributes:
        pid: its number.
        session: the number of its session.
        state: its state, as the system tells it: "R", "S", "Z" (ended, but nobody has asked for its exit status).
    """

    pid: int
    session: int
    state: str


def all_processes() -> Iterator[Member]:
    """Yield the processes of this machine."""
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with suppress(OSError, IndexError):
                state, _, _, session = (folder / "stat").read_text().rpartition(")")[2].split()[:4]
                yield Member(int(folder.name), int(session), state)


def is_marked(pid: int, mark: str) -> bool:
    """Return whether a process was started with this mark in its environment."""
    try:
        return f"{MARK}={mark}".encode() in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return False


def members(session: int, mark: str) -> list[int]:
    """Return the processes of a command that have not ended, the first one first.

    Args:
        session: the number of its first process, which leads a session.
        mark: what the environment of its other processes holds, wherever they went.
    """
    running = [process for process in all_processes() if process.state not in "ZX"]
    found = {process.pid for process in running if process.session == session or is_marked(process.pid, mark)}
    return sorted(found, key=lambda pid: (pid != session, pid))


def kill_all(session: int, mark: str) -> None:
    """Kill the processes of a command, and wait until they are gone."""
    while found := members(session, mark):
        for pid in found:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.01)
