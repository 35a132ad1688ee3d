"""No room, and nothing may be written: one line with the path and the reason, and what was good stays good."""

import random
import resource
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from torture.commands import Command, Started, start
from torture.kills import go_on
from torture.kinds import KINDS, Kind
from torture.references import LIMIT, References
from torture.states import damaged, differences, state_of
from torture.tally import Outcome
from torture.workers import Trial
from torture.writes import on_change

NAMES = ("vamp", "conditional", "ensemble", "sweep", "search", "evaluate", "report", "raised")
REASONS = ("no space left", "are free there", "file too large", "read-only")
SIZE = 8 * 2**20  # bytes of the small disk
MOST_WRITES = 60  # after which the disk is not filled any more; a command has between ten and two hundred


def trials(references: References, root: Path, num_kills: int, seed: int) -> list[Trial]:
    """Return trials of all kinds on disks that are full, that become full, and that are read-only."""
    found = []
    for number in range(max(1, num_kills // 25)):
        for kind in (kind for kind in KINDS if kind.name in NAMES):
            for limit in (full, becomes_full, few_files, small_files, read_only):
                name = f"room/{limit.__name__}/{kind.name}_{number}"
                rng = random.Random(f"{seed}/{name}")
                found.append(Trial(name, partial(limit, kind, references, root / name, rng)))
    return found


def mount(*arguments: str) -> None:
    """Mount a file system.

    Raises:
        RuntimeError: if that is not possible, as for all but root.
    """
    done = subprocess.run(["mount", *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"cannot mount, which only root can: {done.stderr.strip()}")


@contextmanager
def small_disk(place: Path, options: str) -> Iterator[Path]:
    """Yield a folder on a small disk of its own."""
    disk = place / "disk"
    disk.mkdir(parents=True)
    mount("-t", "tmpfs", "-o", options, "tmpfs", str(disk))
    try:
        yield disk
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=False)


def fill(disk: Path) -> None:
    """Fill a disk."""
    with (disk / "filler").open("ab", buffering=0) as file:
        for size in (2**16, 2**10, 1):
            try:
                while file.write(bytes(size)) == size:
                    pass
            except OSError:
                continue


def full(kind: Kind, references: References, place: Path, rng: random.Random, outcome: Outcome) -> None:
    """Start a command where little is left."""
    with small_disk(place, f"size={SIZE}") as disk:
        references.prepare(kind, disk / "run")
        fill(disk)
        left = rng.choice((0, rng.randrange(2**16), rng.randrange(2**21)))
        with (disk / "filler").open("r+b") as file:
            file.truncate(max(0, (disk / "filler").stat().st_size - left))
        outcome.did(f"{left} bytes are free: {kind.command(disk / 'run')}")
        starve(kind, references, disk / "run", place, None, lambda: (disk / "filler").unlink(), outcome)


def becomes_full(kind: Kind, references: References, place: Path, rng: random.Random, outcome: Outcome) -> None:
    """Fill the disk before the n-th write of a command."""
    with small_disk(place, f"size={SIZE}") as disk:
        references.prepare(kind, disk / "run")
        number, so_far = rng.randrange(1, MOST_WRITES), 0

        def count(what: str) -> None:
            nonlocal so_far
            so_far += 1
            if so_far == number:
                fill(disk)

        before = on_change(disk / "run", count)
        outcome.did(f"the disk is full before write {number}: {kind.command(disk / 'run')}")
        starve(
            kind, references, disk / "run", place, before, lambda: (disk / "filler").unlink(missing_ok=True), outcome
        )


def few_files(kind: Kind, references: References, place: Path, rng: random.Random, outcome: Outcome) -> None:
    """Start a command where only a few more files can be made."""
    with small_disk(place, f"size={SIZE},nr_inodes=1000") as disk:
        references.prepare(kind, disk / "run")
        more = rng.randrange(0, 12)
        used = sum(1 for _ in disk.rglob("*")) + 1
        mount("-o", f"remount,size={SIZE},nr_inodes={used + more}", str(disk))
        outcome.did(f"{more} more files can be made: {kind.command(disk / 'run')}")
        freed = partial(mount, "-o", f"remount,size={SIZE},nr_inodes=1000", str(disk))
        starve(kind, references, disk / "run", place, None, freed, outcome)


def small_files(kind: Kind, references: References, place: Path, rng: random.Random, outcome: Outcome) -> None:
    """Limit the size of a file that a command may write."""
    references.prepare(kind, place / "run")
    size = int(2 ** rng.uniform(6, 17))
    outcome.did(f"ulimit -f of {size} bytes: {kind.command(place / 'run')}")
    before = partial(resource.setrlimit, resource.RLIMIT_FSIZE, (size, size))
    starve(kind, references, place / "run", place, before, lambda: None, outcome)


def read_only(kind: Kind, references: References, place: Path, rng: random.Random, outcome: Outcome) -> None:
    """Start a command in a folder that can only be read."""
    folder = place / "run"
    references.prepare(kind, folder)
    folder.mkdir(parents=True, exist_ok=True)
    mount("--bind", str(folder), str(folder))
    mount("-o", "remount,bind,ro", str(folder))
    freed = partial(subprocess.run, ["umount", "--lazy", str(folder)], check=False)
    try:
        outcome.did(f"read-only folder: {kind.command(folder)}")
        starve(kind, references, folder, place, None, freed, outcome)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=False, capture_output=True)


def starve(
    kind: Kind,
    references: References,
    folder: Path,
    place: Path,
    before: Callable[[], None] | None,
    freed: Callable[[], object],
    outcome: Outcome,
) -> None:
    """Run a command that may find no room; see what it says and what it leaves, and go on when there is room."""
    prepared = state_of(folder) if kind.prepared else {}
    command = kind.command(folder)
    started = start(Command(command.module, command.arguments, before=before), place, "starved")
    code = started.wait(LIMIT)
    started.kill()
    if code is None:
        outcome.fault("hung", f"it had not ended after {LIMIT} s")
    elif code != 0:
        look_at_message(kind, started, folder, outcome)
        if kind.prepared and kind.name != "report":
            kept = {name: value for name, value in state_of(folder).items() if "last" not in name}
            lost = [name for name in differences(kept, prepared) if name in prepared and "last" not in name]
            if lost:
                outcome.fault("lost", f"not as it was before: {', '.join(lost)}")
    for line in damaged(folder):
        outcome.fault("lost", line)
    freed()
    if code == 0:
        outcome.traceback(started.errors + started.printed)
    go_on(kind, folder, place, references.of(kind), outcome)


def look_at_message(kind: Kind, started: Started, folder: Path, outcome: Outcome) -> None:
    """See that a command that found no room says so in one line, with the path and the reason."""
    printed = started.errors + started.printed
    lines = started.errors.splitlines()
    if outcome.traceback(printed):
        return
    if started.code != 1:
        outcome.fault("wrong", f"exit status {started.code}: {started.errors[-300:]}")
    elif len(lines) != 1 or str(folder.parent) not in lines[0]:
        outcome.fault("wrong", f"{len(lines)} lines of errors: {started.errors[:400]}")
    elif not any(reason in printed.lower() for reason in REASONS):
        outcome.fault("wrong", f"the reason is not told: {started.errors[:400]}")
