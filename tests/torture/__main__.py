"""`python -m torture`: long trials of whether interruptions, other processes, full disks and strangers do harm."""

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"  # before torch is imported; forked processes inherit it

import torch

import vae_lab
from torture import hostile, kills, pairs, room, signals, writes
from torture.kinds import KINDS, SHORT, Kind
from torture.references import References, import_all
from torture.tally import Outcome, reproduction, table
from torture.workers import Trial, run_all

NUM_WORKERS = 2
HEAVY = ("vae_lab.train", "vae_lab.evaluate", "vae_lab.report", "vae_lab.training.experiment")


@dataclass(frozen=True)
class Section:
    """A part of the trials.

    Attributes:
        kinds: the kinds of commands whose undisturbed results it needs.
        trials: plans the trials.
    """

    kinds: tuple[Kind, ...]
    trials: Callable[[References, Path, int, int], list[Trial]]


SECTIONS = {
    "kills": Section(KINDS, kills.trials),
    "writes": Section(KINDS, writes.trials),
    "signals": Section((*signals.LONG_KINDS, *signals.SHORT_KINDS, *signals.IN_IMPORTS), signals.trials),
    "pairs": Section((*pairs.OWN_KINDS, *(kind for pair in pairs.PAIRS for kind in pair.commands)), pairs.trials),
    "hostile": Section(hostile.OWN_KINDS, hostile.trials),
    "room": Section(KINDS, room.trials),
}


def main() -> None:
    """Run the trials, and print a line for each that went wrong, and the table of all."""
    parser = argparse.ArgumentParser(prog="python -m torture", description=__doc__)
    parser.add_argument("--kills", type=int, default=500, help="how often commands are killed, about (default 500)")
    parser.add_argument("--seed", type=int, default=0, help="the seed of what is random (default 0)")
    parser.add_argument("--only", default="", help=f"one of {', '.join(SECTIONS)}, or the beginning of a trial's name")
    parser.add_argument(
        "--log", type=Path, help="a file of what came of each trial: those without a fault are not repeated"
    )
    parser.add_argument("--keep", action="store_true", help="keep the folders of trials that went wrong")
    given = parser.parse_args()

    os.environ["PYTHONPATH"] = str(Path(vae_lab.__file__).parents[1])  # of commands that are started cold
    torch.set_num_threads(1)
    import_all(HEAVY)
    root, begin = Path(tempfile.mkdtemp(prefix="vae_lab_torture_")), time.monotonic()
    references = References(root / "reference")
    outcomes = [] if given.log is None else read_log(given.log)
    sections = [section for name, section in SECTIONS.items() if not given.only or given.only.split("/")[0] == name]
    kinds = with_what_they_need([kind for section in sections for kind in section.kinds])
    for prepared in (False, True):
        references.make([kind for kind in kinds if (kind.prepared is not None) is prepared], NUM_WORKERS)
    print(f"undisturbed commands took {time.monotonic() - begin:.0f} s; working in {root}", flush=True)

    planned = []
    for section in sections:
        planned += section.trials(references, root, given.kills // 2, given.seed)
    known = {outcome.name for outcome in outcomes}
    chosen = [trial for trial in planned if is_chosen(trial.name, given.only) and trial.name not in known]
    for outcome in run_all(chosen, NUM_WORKERS):
        outcomes.append(outcome)
        if given.log is not None:
            append(given.log, outcome)
        if outcome.faults:
            print(reproduction(outcome, [f"--kills {given.kills}", f"--seed {given.seed}"]), flush=True)
        if not (outcome.faults and given.keep):
            for folder in left_by(root / outcome.name):
                shutil.rmtree(folder, ignore_errors=True)
        print(
            f"{len(outcomes) - len(known)} of {len(chosen)}, {time.monotonic() - begin:.0f} s",
            end="\r",
            file=sys.stderr,
        )
    print(table(outcomes))
    print(f"{len(outcomes)} trials in {time.monotonic() - begin:.0f} s, seed {given.seed}")
    if not given.keep:
        shutil.rmtree(root, ignore_errors=True)
    sys.exit(any(outcome.faults for outcome in outcomes))


def read_log(path: Path) -> list[Outcome]:
    """Return the outcomes without a fault of earlier calls, the last of each trial."""
    lines = path.read_text().splitlines() if path.is_file() else []
    found = {outcome.name: outcome for outcome in (Outcome.from_json(json.loads(line)) for line in lines)}
    return [outcome for outcome in found.values() if not outcome.faults]


def append(path: Path, outcome: Outcome) -> None:
    """Add what came of a trial to a log."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as log:
        log.write(json.dumps(outcome.as_json()) + "\n")


def with_what_they_need(kinds: Sequence[Kind]) -> list[Kind]:
    """Return kinds whose results are to be made, with those whose folders they begin with, each once."""
    known = {kind.name: kind for kind in (*KINDS, SHORT, *kinds)}
    needed = [*kinds, *(known[kind.prepared] for kind in kinds if kind.prepared)]
    return list(dict.fromkeys(kind for kind in needed if kind.like is None))


def left_by(place: Path) -> list[Path]:
    """Return the folder of a trial, and those beside it with what it printed and its temporary files."""
    return [place, *place.parent.glob(f"{place.name}.*")]


def is_chosen(name: str, only: str) -> bool:
    """Return whether a trial belongs to those that were asked for."""
    return not only or name == only or name.startswith(f"{only.rstrip('/')}/")


if __name__ == "__main__":
    main()
