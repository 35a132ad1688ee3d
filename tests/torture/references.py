"""What the commands leave if nobody disturbs them, and how long they take."""

import importlib
import json
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from torture.commands import Command, start
from torture.kinds import Kind
from torture.states import State, differences, state_of
from torture.tally import Outcome
from torture.workers import Trial, run_all

LIMIT = 300  # seconds, for any command that nobody disturbs


@dataclass(frozen=True)
class Reference:
    """What a kind of command leaves if nobody disturbs it.

    Attributes:
        folder: its folder, afterwards.
        state: the digests of its results.
        seconds: how long it took.
    """

    folder: Path
    state: State
    seconds: float


class References:
    """The references of all kinds, each made once.

    Args:
        root: where they lie.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def place_of(self, kind: str) -> Path:
        """Return where the reference of a kind lies; the command runs there, on the folder `run`."""
        return self.root / kind

    def of(self, kind: Kind) -> Reference:
        """Return the reference of a kind."""
        place = self.place_of(kind.like or kind.name)
        known = json.loads((place / "reference.json").read_text())
        return Reference(place / "run", known["state"], known["seconds"])

    def make(self, kinds: Sequence[Kind], num_workers: int) -> None:
        """Make the references of kinds, and import what they imported, so that a forked process need not.

        Raises:
            SystemExit: if a command fails though nobody disturbs it.
        """
        for work in (self.make_one, self.confirm):
            trials = [Trial(f"reference/{kind.name}/0", partial(work, kind)) for kind in kinds]
            faults = [fault for outcome in run_all(trials, num_workers) for fault in outcome.faults]
            if faults:
                sys.exit(f"undisturbed commands fail: {faults}")
            for listed in self.root.glob("*/modules.txt"):
                import_all(listed.read_text().split())

    def make_one(self, kind: Kind, outcome: Outcome) -> None:
        """Make the reference of one kind."""
        self.run_undisturbed(kind, self.place_of(kind.name), outcome)

    def confirm(self, kind: Kind, outcome: Outcome) -> None:
        """Run a command again: it leaves the same, and no longer takes the time of its imports."""
        again = self.place_of(f"{kind.name}.again")
        self.run_undisturbed(kind, again, outcome)
        if not outcome.faults:
            wrong = differences(state_of(again / "run"), self.of(kind).state)
            if wrong:
                outcome.fault("wrong", f"{kind.name} differs from one time to the next: {wrong}")
            shutil.copy(again / "reference.json", self.place_of(kind.name))
            shutil.rmtree(again)

    def run_undisturbed(self, kind: Kind, place: Path, outcome: Outcome) -> None:
        """Run the command of a kind, and note what it leaves, and how long it took."""
        self.prepare(kind, place / "run")
        command = kind.command(place / "run")
        begin = time.monotonic()
        started = start(Command(command.module, command.arguments, before=telling_modules(place)), place)
        code = started.wait(LIMIT)
        seconds = time.monotonic() - begin
        started.kill()
        if code != 0:
            outcome.fault("wrong", f"{command}: exit status {code}: {started.errors}")
            return
        known = {"state": state_of(place / "run"), "seconds": seconds}
        (place / "reference.json").write_text(json.dumps(known))

    def prepare(self, kind: Kind, folder: Path) -> None:
        """Make a folder as it is before a command of this kind."""
        folder.parent.mkdir(parents=True, exist_ok=True)
        if kind.prepared is not None:
            shutil.copytree(self.place_of(kind.prepared) / "run", folder, symlinks=True)


def telling_modules(place: Path) -> Callable[[], None]:
    """Return what makes a forked process write down, at its end, which modules it has imported."""

    def before() -> None:
        import atexit

        atexit.register(lambda: (place / "modules.txt").write_text("\n".join(sys.modules)))

    return before


def import_all(modules: Sequence[str]) -> None:
    """Import modules, where that is possible."""
    for module in modules:
        if module not in sys.modules and not module.startswith("__"):
            with suppress(Exception):
                importlib.import_module(module)
