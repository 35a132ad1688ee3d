"""Kills before every write: a command is killed before the n-th time that it changes something in its folder."""

import os
import random
import signal
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from torture.commands import Command, start
from torture.kills import go_on, look_after_kill
from torture.kinds import KINDS, Kind
from torture.references import LIMIT, References
from torture.tally import Outcome
from torture.workers import Trial

CHANGES = ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate", "os.link", "os.symlink", "os.chmod")
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def trials(references: References, root: Path, num_kills: int, seed: int) -> list[Trial]:
    """Return trials that kill each kind of command before its n-th write: before all of them, or a sample."""
    found = []
    for kind in KINDS:
        num_writes = count_writes(kind, references, root / "counted" / kind.name)
        wanted = min(num_writes, -(-num_kills // len(KINDS)))
        for number in sorted(random.Random(f"{seed}/{kind.name}").sample(range(1, num_writes + 1), wanted)):
            name = f"writes/{kind.name}/{number}"
            found.append(Trial(name, partial(kill_before, kind, references, root / name, number)))
    return found


def on_change(folder: Path, action: Callable[[str], None]) -> Callable[[], None]:
    """Return what makes a process call an action before each change of something in a folder."""
    inside = str(folder)

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            path, _, flags = arguments
            if isinstance(flags, int) and flags & WRITING and str(path).startswith(inside):
                action(f"open {path}")
        elif event in CHANGES and any(str(argument).startswith(inside) for argument in arguments[:2]):
            action(f"{event} {arguments[0]}")

    return lambda: sys.addaudithook(hook)


def count_writes(kind: Kind, references: References, place: Path) -> int:
    """Return how often a command of this kind changes something in its folder."""
    references.prepare(kind, place / "run")
    log = place / "writes.txt"
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    command = kind.command(place / "run")
    before = on_change(place / "run", lambda what: os.write(descriptor, f"{what}\n".encode()) and None)
    started = start(Command(command.module, command.arguments, before=before), place)
    started.wait(LIMIT)
    started.kill()
    os.close(descriptor)
    return len(log.read_text().splitlines())


def kill_before(kind: Kind, references: References, place: Path, number: int, outcome: Outcome) -> None:
    """Kill a command before its n-th write, go on, and compare the results with the reference."""
    folder, so_far = place / "run", 0
    references.prepare(kind, folder)
    last = place / "write.txt"

    def count(what: str) -> None:
        nonlocal so_far
        so_far += 1
        if so_far == number:
            descriptor = os.open(last, os.O_WRONLY | os.O_CREAT)
            os.write(descriptor, what.encode())
            os.kill(os.getpid(), signal.SIGKILL)

    command = kind.command(folder)
    started = start(Command(command.module, command.arguments, before=on_change(folder, count)), place, "killed")
    started.wait(LIMIT)
    started.kill()
    what = last.read_text() if last.is_file() else "it had fewer"
    outcome.did(f"kill before write {number} ({what}): {command}")
    look_after_kill(kind, started, folder, outcome)
    go_on(kind, folder, place, references.of(kind), outcome)
