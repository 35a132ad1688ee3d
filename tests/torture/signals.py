"""Signals to every process of every way to start: all processes end within seconds, and the state goes on."""

import os
import random
import signal
import time
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

from torture.commands import Started, start
from torture.kills import go_on
from torture.kinds import KINDS, PLAIN, SEARCH, TWO_PROCESSES, Kind, run
from torture.references import LIMIT, References
from torture.tally import Outcome
from torture.workers import Trial

GRACE = 30.0  # seconds that a scheduler gives, and all processes have to end
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGKILL)
MOST_OTHERS = 4  # processes of a command beside the first one that are tried

# Long enough to be met while it trains.
LONG = (*PLAIN, "trainer.max_epochs=24", "latent_dim=2")


def sweep(name: str, *arguments: str, like: str | None = "long_sweep", cold: bool = False) -> Kind:
    """Return a kind of sweep whose jobs take a while."""
    swept = ("-m", *LONG, "seed=0,1", *arguments, "hydra.sweep.dir=FOLDER")
    return Kind(name, "train", swept, like=like, always_cold=cold)


LONG_KINDS = (
    replace(run("single", *LONG), epochs=24),
    replace(run("long_two_processes", *LONG, *TWO_PROCESSES), epochs=24),
    sweep("long_sweep", like=None),
    sweep("processes", "launcher=processes", "hydra.launcher.n_jobs=2", cold=True),  # launcher=joblib is another name
    sweep("submitit_local", "launcher=submitit_local", cold=True),
    sweep("long_ensemble", "launcher=ensemble", like=None),
    replace(sweep("long_search", *SEARCH, like=None), arguments=("-m", *LONG, *SEARCH, "hydra.sweep.dir=FOLDER")),
)
SHORT_KINDS = tuple(kind for kind in KINDS if kind.name in ("evaluate", "report"))
IN_IMPORTS = tuple(kind for kind in KINDS if kind.name in ("vamp", "evaluate", "report", "sweep", "search", "raised"))


def trials(references: References, root: Path, num_kills: int, seed: int) -> list[Trial]:
    """Return a trial for each kind, signal and process, or a sample of them."""
    planned: list[tuple[Kind, signal.Signals, str]] = []
    for sent in SIGNALS:
        targets = ["group", "main", *(f"other{number}" for number in range(MOST_OTHERS))]
        planned += [(kind, sent, target) for kind in LONG_KINDS for target in targets if has_others(kind, target)]
        planned += [(kind, sent, target) for kind in SHORT_KINDS for target in ("group", "main")]
        planned += [(kind, sent, "imports") for kind in IN_IMPORTS if sent is not signal.SIGKILL]
    chosen = random.Random(seed).sample(planned, min(len(planned), num_kills))
    found = []
    for kind, sent, target in sorted(chosen, key=planned.index):
        name = f"signals/{kind.name}/{sent.name}_{target}"
        rng = random.Random(f"{seed}/{name}")
        found.append(Trial(name, partial(signal_and_go_on, kind, references, root / name, sent, target, rng)))
    return found


def has_others(kind: Kind, target: str) -> bool:
    """Return whether a command may have this process."""
    several = kind.always_cold or kind.name == "long_two_processes"
    return not target.startswith("other") or (several and (kind.always_cold or target == "other0"))


def signal_and_go_on(
    kind: Kind,
    references: References,
    place: Path,
    sent: signal.Signals,
    target: str,
    rng: random.Random,
    outcome: Outcome,
) -> None:
    """Send a signal to a process, wait for the end of all, go on, and compare the results with the reference."""
    folder = place / "run"
    references.prepare(kind, folder)
    reference, cold = references.of(kind), target == "imports"
    command = kind.command(folder, cold=cold)
    started = start(command, place, "signalled")
    if cold:
        time.sleep(rng.uniform(0.1, 6.0))
    elif kind in LONG_KINDS:
        wait_until_trained(started, folder)
        time.sleep(rng.uniform(0, 1.0))
    else:
        time.sleep(rng.uniform(0, reference.seconds))
    found = started.members()
    to = send(started, sent, target)
    if to is None:
        started.kill()
        return
    outcome.did(f"{sent.name} to {target} ({to}) of {len(found)} processes: {command}")
    look_at_end(kind, started, sent, target, outcome)
    started.kill()
    go_on(kind, folder, place, reference, outcome)


def wait_until_trained(started: Started, folder: Path) -> None:
    """Wait until a run has written a checkpoint, or the command has ended."""
    deadline = time.monotonic() + LIMIT
    while started.poll() is None and time.monotonic() < deadline and not list(folder.rglob("last.ckpt")):
        time.sleep(0.02)


def send(started: Started, sent: signal.Signals, target: str) -> str | None:
    """Send a signal, and return the command line of the process that it reached; None if there is no such process."""
    processes = started.members()
    number = int(target.removeprefix("other")) + 1 if target.startswith("other") else 0
    if started.poll() is not None or number >= len(processes):
        return None
    with suppress(OSError):
        line = Path(f"/proc/{processes[number]}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        if target in ("group", "imports"):  # as a terminal does on Ctrl-C
            os.killpg(started.pid, sent)
        else:
            os.kill(processes[number], sent)
        return line[:120]
    return None


def look_at_end(kind: Kind, started: Started, sent: signal.Signals, target: str, outcome: Outcome) -> None:
    """See that all processes end in time, with the status of the signal, and without a traceback."""
    one_of_many = target.startswith("other") and kind.always_cold  # then the other jobs go on
    if not started.wait_for_all(LIMIT if one_of_many else GRACE):
        left = [
            Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()[:60] for pid in started.members()
        ]
        outcome.fault("hung", f"{len(left)} processes are left: {left}")
        return
    printed = started.errors + started.printed
    outcome.traceback(printed)
    if target.startswith("other") or sent is signal.SIGKILL:
        return
    if started.code not in (0, 128 + sent):  # it may have ended by itself at that moment
        outcome.fault("wrong", f"exit status {started.code} after {sent.name}: {started.errors[-200:]}")
    elif started.code and kind in LONG_KINDS and "to go on" not in printed:
        outcome.fault("wrong", f"the way on is not printed: {printed[-200:]}")
