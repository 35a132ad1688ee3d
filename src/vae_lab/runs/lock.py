"""One process writes into a folder at a time: it holds a lock, which the system releases when the process ends."""

import json
import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from vae_lab.errors import UserError
from vae_lab.runs.files import atomic_write, json_text
from vae_lab.runs.owned import OwnedFolder

# The locks that this process holds, by folder, and how often it has taken each.
_held: dict[Path, tuple[FileLock, int]] = {}


@contextmanager
def locked(folder: OwnedFolder, doing: str, way_out: str = "choose another folder") -> Iterator[None]:
    """Hold the lock of a folder; the process may take it again inside.

    Args:
        folder: the folder, which is made if it does not exist.
        doing: what the process does there, for the message to a second one: "trains".
        way_out: what a second one may do instead of waiting.

    Raises:
        UserError: if another process holds it, or the folder cannot be written to.
    """
    acquire(folder, doing, way_out)
    try:
        yield
    finally:
        release(folder)


@contextmanager
def all_locked(folders: list[OwnedFolder], doing: str) -> Iterator[None]:
    """Hold the locks of several folders; see `locked`."""
    with ExitStack() as stack:
        for folder in folders:
            stack.enter_context(locked(folder, doing))
        yield


def acquire(folder: OwnedFolder, doing: str, way_out: str = "choose another folder") -> None:
    """Take the lock of a folder until `release`, or until the process ends; see `locked`."""
    key = folder.path.resolve()
    if key in _held:
        lock, count = _held[key]
        _held[key] = (lock, count + 1)
        return
    folder.check_inside(folder.own / "lock")
    folder.check_inside(folder.unfinished / "a file")
    try:
        folder.unfinished.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder.own / "lock", thread_local=False)
        lock.acquire(timeout=0)
    except Timeout:
        raise UserError(f"{folder.path}: {owner_of(folder)}; wait until it has ended, or {way_out}") from None
    except OSError as error:
        raise UserError(f"{folder.path}: nothing can be written there ({error.strerror}); {way_out}") from error
    _held[key] = (lock, 1)
    for left in folder.unfinished.iterdir():  # by a process that was killed; its lock is ours now
        left.unlink()
    with atomic_write(owner_file(folder), folder.unfinished) as unfinished:
        unfinished.write_text(json_text(this_process(doing)), encoding="utf-8")


def release(folder: OwnedFolder) -> None:
    """Give back the lock of a folder, as often as it was taken."""
    key = folder.path.resolve()
    lock, count = _held.pop(key)
    if count > 1:
        _held[key] = (lock, count - 1)
        return
    owner_file(folder).unlink(missing_ok=True)
    lock.release()


def owner_file(folder: OwnedFolder) -> Path:
    """Return the file that says which process holds the lock; if it was killed the file stays, and says nothing."""
    return folder.own / "owner.json"


def this_process(doing: str) -> dict[str, Any]:
    """Return what a second process is told."""
    since = datetime.now().astimezone().isoformat(" ", "seconds")
    return {"process": os.getpid(), "host": socket.gethostname(), "since": since, "doing": doing}


def owner_of(folder: OwnedFolder) -> str:
    """Return which process holds the lock of a folder, and since when, as part of a sentence."""
    try:
        owner = json.loads(owner_file(folder).read_text(encoding="utf-8"))
        return f"process {owner['process']} on {owner['host']} {owner['doing']} here since {owner['since']}"
    except (OSError, ValueError, KeyError, TypeError):  # it has not said so yet, or has just ended
        return "another process writes here"
