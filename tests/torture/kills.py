"""Kills at random moments: whatever was killed goes on to the results that it would have had."""

import random
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from torture.commands import Command, Started, start
from torture.kinds import KINDS, Kind
from torture.references import LIMIT, Reference, References
from torture.states import damaged, differences, state_of
from torture.tally import Outcome
from torture.workers import Trial

COLD = 0.04  # the share of commands that are started cold; importing takes ten times as long as the rest
COLD_SECONDS = 8.0  # for the imports


def trials(references: References, root: Path, num_kills: int, seed: int) -> list[Trial]:
    """Return trials with about as many kills, over all kinds."""
    each = -(-num_kills // (2 * len(KINDS)))  # two kills in a trial, on average
    return [
        Trial(name, partial(kill_and_go_on, kind, references, root / name, random.Random(f"{seed}/{name}")))
        for number in range(each)
        for kind in KINDS
        for name in [f"kills/{kind.name}/{number}"]
    ]


def kill_and_go_on(kind: Kind, references: References, place: Path, rng: random.Random, outcome: Outcome) -> None:
    """Kill a command one to three times, go on, and compare the results with the reference."""
    reference, folder = references.of(kind), place / "run"
    references.prepare(kind, folder)
    command, share = kind.command(folder), 1.0
    for number in range(rng.choice((1, 2, 3))):
        if kind.has_finished(folder):
            break
        cold = rng.random() < COLD
        seconds = rng.uniform(0, share * reference.seconds) + (rng.uniform(0, COLD_SECONDS) if cold else 0)
        command = kind.way_on(folder, cold=cold) if number else kind.command(folder, cold=cold)
        started = start(command, place, f"killed_{number}")
        if killed_after(started, seconds):
            outcome.did(f"kill {'cold ' if cold else ''}after {seconds:.2f} s: {command}")
        look_after_kill(kind, started, folder, outcome)
    go_on(kind, folder, place, reference, outcome)


def killed_after(started: Started, seconds: float) -> bool:
    """Kill a command after some seconds, and return whether it was still running."""
    deadline = time.monotonic() + seconds
    while started.poll() is None and (left := deadline - time.monotonic()) > 0:
        time.sleep(min(left, 0.005))
    started.kill()
    return started.code == -9


def look_after_kill(kind: Kind, started: Started, folder: Path, outcome: Outcome) -> None:
    """See that every file can be read, and that nothing was printed as an error before the kill."""
    for line in damaged(folder):
        outcome.fault("lost", f"after the kill {line}")
    outcome.traceback(started.errors + started.printed)
    if started.code not in (0, -9):
        outcome.fault("wrong", f"exit status {started.code} before the kill: {started.errors[-300:]}")


def go_on(
    kind: Kind,
    folder: Path,
    place: Path,
    reference: Reference,
    outcome: Outcome,
    way_on: Callable[[Path], Command] | None = None,
) -> None:
    """Go on with a command until it has finished, and compare the results with the reference."""
    finished = kind.has_finished(folder)
    if not finished:
        command = (way_on or kind.way_on)(folder)
        started = start(command, place, "last")
        code = started.wait(LIMIT)
        started.kill()
        if code is None:
            outcome.fault("hung", f"{command} had not ended after {LIMIT} s")
            return
        if code != 0:
            outcome.fault("lost", f"{command}: exit status {code}: {started.errors[-300:]}")
            return
        outcome.traceback(started.errors + started.printed)
    wrong = differences(state_of(folder), reference.state)
    if wrong:
        outcome.fault("wrong", f"not as without a kill: {', '.join(wrong)}")
    for line in damaged(folder):
        outcome.fault("lost", line)
    # What a kill leaves after the results were written is removed by the next command that writes there.
    left = [] if finished else [str(path.relative_to(folder)) for path in folder.rglob("*unfinished/*")]
    left += [path.name for path in place.with_name(f"{place.name}.tmp").iterdir()]
    if left:
        outcome.fault("wrong", f"left behind: {', '.join(left)}")
