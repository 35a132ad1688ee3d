"""Two commands that are started together on one folder: one owns it, and the other is told so in one line."""

import random
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from torture.commands import Started, start
from torture.kinds import KINDS, PLAIN, SHORT, Kind, run, sweep
from torture.references import LIMIT, References
from torture.signals import wait_until_trained
from torture.states import State, damaged, differences, state_of
from torture.tally import Outcome
from torture.workers import Trial

BY_NAME = {kind.name: kind for kind in (*KINDS, SHORT)}
FIRST = run("first", *PLAIN, "latent_dim=2", "optimizer.lr=1e-3")
SECOND = run("second", *PLAIN, "latent_dim=3", "optimizer.lr=3e-3")
OVERWRITE = Kind("overwrite", "train", (*SECOND.arguments, "overwrite=true"), epochs=3, like="second")
RESUME = Kind("resume", "train", ("resume=FOLDER",), epochs=3, like="first")
OTHER_SWEEP = sweep("other_sweep", "latent_dim=4,5")
OTHER_SEARCH = Kind(
    "other_search",
    "train",
    tuple(argument.replace("n_trials=3", "n_trials=2") for argument in BY_NAME["search"].arguments),
)
BOUNDS, ACTIVE, BOTH = (
    Kind(name, "evaluate", ("run=FOLDER", "device=cpu", f"measure=[{measure}]"), prepared="short")
    for name, measure in (("bounds", "bounds"), ("active", "active_units"), ("both", "bounds,active_units"))
)
OTHER_REPORT = Kind("other_report", "report", ("sweep=FOLDER", "metrics=[test/rate]"), prepared="sweep")

OWN_KINDS = (FIRST, SECOND, OTHER_SWEEP, OTHER_SEARCH, BOUNDS, ACTIVE, BOTH, OTHER_REPORT)


@dataclass(frozen=True)
class Pair:
    """Two commands for one folder.

    Attributes:
        name: its name.
        commands: the two commands.
        before: what lies in the folder: nothing, an interrupted run, or the finished folder of a kind.
        one_after_the_other: whether both may succeed, if one of them has finished when the other begins.
        afterwards: what the folder may then hold, if both did; the kinds' names.
    """

    name: str
    commands: tuple[Kind, Kind]
    before: str | None = None
    one_after_the_other: bool = False
    afterwards: tuple[str, ...] = ()


PAIRS = (
    Pair("train_train", (FIRST, SECOND)),
    Pair("train_resume", (SECOND, RESUME), "interrupted"),
    Pair("resume_resume", (RESUME, RESUME), "interrupted"),
    Pair("evaluate_evaluate", (BOUNDS, ACTIVE), "short", one_after_the_other=True, afterwards=("both",)),
    Pair("report_report", (BY_NAME["report"], OTHER_REPORT), "sweep", True, ("report", "other_report")),
    Pair("sweep_sweep", (BY_NAME["sweep"], OTHER_SWEEP)),
    Pair("search_search", (BY_NAME["search"], OTHER_SEARCH), None, True, ("search",)),
    Pair("evaluate_resume", (BOUNDS, BY_NAME["raised"]), "short", True, ("raised",)),
    Pair("overwrite_resume", (OVERWRITE, RESUME), "interrupted"),
    Pair("overwrite_evaluate", (OVERWRITE, BOUNDS), "short", True, ("second",)),
    Pair("overwrite_overwrite", (OVERWRITE, OVERWRITE), "short", True, ("second",)),
)


def trials(references: References, root: Path, num_kills: int, seed: int) -> list[Trial]:
    """Return trials of all pairs, each several times."""
    return [
        Trial(name, partial(start_together, pair, references, root / name, random.Random(f"{seed}/{name}")))
        for number in range(max(1, num_kills // 20))
        for pair in PAIRS
        for name in [f"pairs/{pair.name}/{number}"]
    ]


def start_together(pair: Pair, references: References, place: Path, rng: random.Random, outcome: Outcome) -> None:
    """Start two commands on one folder, and see that one of them owned it."""
    folder = place / "run"
    prepare(pair, references, place, rng)
    commands = [kind.command(folder) for kind in pair.commands]
    pause = rng.choice((0.0, rng.uniform(0, 0.05), rng.uniform(0, references.of(pair.commands[0]).seconds)))
    order = rng.sample((0, 1), 2)
    both: dict[int, Started] = {}
    for which in order:
        # Each has a place of its own, so that each has its own mark and temporary folder.
        both[which] = start(commands[which], place.with_name(f"{place.name}.{which}"))
        time.sleep(pause if which == order[0] else 0)
    codes = [both[which].wait(LIMIT) for which in (0, 1)]
    outcome.did(f"started together, {pause:.2f} s apart: {commands[order[0]]} & {commands[order[1]]}")
    for which in (0, 1):
        both[which].kill()
        if codes[which] is None:
            outcome.fault("hung", f"{commands[which]} had not ended after {LIMIT} s")
        elif codes[which] != 0:
            look_at_refusal(both[which], folder, outcome)
    if None not in codes:
        look_at_folder(pair, references, folder, [code == 0 for code in codes], outcome)


def prepare(pair: Pair, references: References, place: Path, rng: random.Random) -> None:
    """Make what lies in the folder before the commands."""
    folder = place / "run"
    if pair.before == "interrupted":
        started = start(FIRST.command(folder), place, "interrupted")
        wait_until_trained(started, folder)
        time.sleep(rng.uniform(0, 0.1))
        started.kill()
    else:
        references.prepare(Kind("", "", (), prepared=pair.before), folder)


def look_at_refusal(refused: Started, folder: Path, outcome: Outcome) -> None:
    """See that the one that does not own the folder is told so in one line."""
    if outcome.traceback(refused.errors + refused.printed):
        return
    if refused.code != 1 or len(refused.errors.splitlines()) != 1 or str(folder) not in refused.errors:
        outcome.fault("wrong", f"exit status {refused.code}, and it was told: {refused.errors[-300:]}")


def look_at_folder(pair: Pair, references: References, folder: Path, done: list[bool], outcome: Outcome) -> None:
    """See that the folder holds the results of the one that owned it."""
    for line in damaged(folder):
        outcome.fault("lost", line)
    if all(done) and not pair.one_after_the_other:
        outcome.fault("wrong", "both owned the folder")
    elif not any(done):
        outcome.fault("wrong", "neither owned the folder")
    else:
        owners = [kind for kind, succeeded in zip(pair.commands, done, strict=True) if succeeded]
        names = pair.afterwards if all(done) and pair.afterwards else [owner.like or owner.name for owner in owners]
        state_at = partial(without_old_estimates, is_trained=any(owner.module == "train" for owner in owners))
        found = state_at(state_of(folder))
        expected = [state_at(references.of(Kind(name, "", ())).state) for name in names]
        closest = min((differences(found, state) for state in expected), key=len)
        if closest:
            outcome.fault("wrong", f"not the results of {' or '.join(names)}: {', '.join(closest)}")


def without_old_estimates(state: State, *, is_trained: bool) -> State:
    """Return a state without the estimates of a model that was trained further, which stay until they are replaced."""
    return {name: value for name, value in state.items() if not (is_trained and name.endswith("evaluation.json"))}
