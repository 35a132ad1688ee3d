"""Damaged and foreign folders: a command ends soon, in one line, and touches nothing outside of the folder."""

import hashlib
import random
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from torture import damages, declared, foreign
from torture.commands import Command, Started, limit_memory, start
from torture.kinds import KINDS, Kind
from torture.pairs import BOTH
from torture.references import References
from torture.tally import Outcome
from torture.variants import MARKER, Variant
from torture.workers import Trial

OWN_KINDS = (BOTH, *(kind for kind in KINDS if kind.name == "raised"))
SECONDS = 90  # for a command; an undisturbed one takes a second or two, or ten if it is started cold
MEMORY = 2 * 2**30  # bytes more than a process has that has imported everything
REPORT = "report"  # the folder beside a run's folder where its report goes


def quoted(path: Path) -> str:
    """Return a path as a value on the command line."""
    return "'" + str(path).replace("'", "\\'") + "'"


COMMANDS: dict[str, Callable[[Path], tuple[str, ...]]] = {
    "vae_lab.evaluate": lambda run: (f"run={quoted(run)}", "device=cpu", "measure=[bounds]"),
    "vae_lab.report": lambda run: (f"sweep={quoted(run)}", f"out={quoted(run.with_name(REPORT))}"),
    "vae_lab.train": lambda run: (f"resume={quoted(run)}", "trainer.max_epochs=2"),
    "torture.load": lambda run: (str(run),),
}


def all_variants() -> list[Variant]:
    """Return all variants; each name once."""
    found = [*damages.variants(), *foreign.variants(), *declared.variants()]
    return list({variant.name: variant for variant in found}.values())


def trials(references: References, root: Path, num_kills: int, seed: int) -> list[Trial]:
    """Return trials of all variants, or a sample of them if there are to be few kills."""
    planned = [(variant, module) for variant in all_variants() for module in COMMANDS]
    chosen = random.Random(seed).sample(planned, min(len(planned), 8 * num_kills))
    found = []
    for variant, module in sorted(chosen, key=planned.index):
        name = f"hostile/{variant.name}/{module.rpartition('.')[2]}"
        found.append(Trial(name, partial(try_variant, variant, module, references, root / name)))
    return found


def try_variant(variant: Variant, module: str, references: References, place: Path, outcome: Outcome) -> None:
    """Give a variant of a run's folder to a command."""
    folder, outside = place / variant.folder, place / "outside"
    references.prepare(Kind("", "", (), prepared=BOTH.name), folder)
    outside.mkdir()
    (outside / "precious.txt").write_text("precious\n")
    variant.change(folder, outside)
    before = snapshot(place, folder)
    cold = variant.inside and module.startswith("vae_lab")
    limited = partial(limit_memory, MEMORY if not cold else 16 * MEMORY)
    environment = {"SECRET": declared.SECRET, "HOME": str(outside)}
    command = Command(module, COMMANDS[module](folder), cold, limited, environment)
    begin = time.monotonic()
    started = start(command, folder if variant.inside else place)
    code = started.wait(SECONDS)
    started.kill()
    outcome.did(f"{variant.name}: {command}")
    printed = started.errors + started.printed
    if code is None or started.code == -9:
        outcome.fault("hung", f"it had not ended after {time.monotonic() - begin:.0f} s")
    elif code not in (0, 1):
        outcome.fault("wrong", f"exit status {code}: {started.errors[-300:]}")
    elif not outcome.traceback(printed) and not is_one_line(started):
        outcome.fault("wrong", f"{len(started.errors.splitlines())} lines of errors: {started.errors[:400]}")
    if "\x1b" in printed:
        outcome.fault("wrong", f"an escape sequence is printed: {printed[printed.index(chr(27)) :][:80]!r}")
    if changed := changes(before, snapshot(place, folder)):
        outcome.fault("executed", f"changed outside of the folder: {', '.join(changed)}")
    if (outside / MARKER).exists() or (outside / MARKER).is_symlink():
        outcome.fault("executed", "the marker of foreign code was made")
    if tells_secret(printed, folder):
        outcome.fault("executed", "a variable of the reader's environment was told")


def is_one_line(started: Started) -> bool:
    """Return whether a command printed one line of errors if it failed, and at most one if not."""
    lines = len(started.errors.splitlines())
    return lines == 1 if started.code else lines <= 1


def snapshot(place: Path, folder: Path) -> dict[str, str]:
    """Return what lies beside a run's folder: the kind of each file, and a digest of its content."""
    known = {}
    for path in place.rglob("*"):
        if not path.is_relative_to(folder) and not path.is_relative_to(place / REPORT):
            content = path.read_bytes() if path.is_file() else bytes(path.is_symlink())
            known[str(path.relative_to(place))] = f"{path.lstat().st_mode} {hashlib.sha256(content).hexdigest()}"
    return known


def changes(before: dict[str, str], after: dict[str, str]) -> list[str]:
    """Return the names of what differs."""
    return sorted(name for name in {*before, *after} if before.get(name) != after.get(name))


def tells_secret(printed: str, folder: Path) -> bool:
    """Return whether a variable of the environment was printed, or stands in a file of the folder."""
    files = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    return declared.SECRET in printed or any(declared.SECRET.encode() in path.read_bytes() for path in files)
