"""What came of each trial, and the table of all."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

# What may go wrong, in the order of the table.
VERDICTS = ("lost", "wrong", "executed", "hung", "traceback")


@dataclass
class Outcome:
    """What came of a trial.

    Attributes:
        name: the name of the trial, "SECTION/KIND/NUMBER"; with the seed it says what was done.
        tried: how often something was done to the program, such as a kill.
        told: what was done, for somebody who wants to repeat it by hand.
        faults: what went wrong: a verdict, and what was seen.
    """

    name: str
    tried: int = 0
    told: list[str] = field(default_factory=list)
    faults: list[tuple[str, str]] = field(default_factory=list)

    def did(self, what: str, times: int = 1) -> None:
        """Note what is done to the program."""
        self.tried += times
        self.told.append(what)

    def fault(self, verdict: str, seen: str) -> None:
        """Note what went wrong."""
        assert verdict in VERDICTS
        self.faults.append((verdict, " ".join(seen.split())))

    def traceback(self, printed: str) -> bool:
        """Note a traceback if one was printed, by its error and the last place, and return whether there was one."""
        if "Traceback (most recent" not in printed:
            return False
        places = re.findall(r'File "(\S+)", line (\d+)', printed)
        errors = re.findall(r"^(?:\w+\.)*\w*(?:Error|Exception|Interrupt|Warning)\b.*", printed, re.MULTILINE)
        place = " line ".join(places[-1]) if places else "?"
        self.fault("traceback", f"{errors[-1][:250] if errors else printed[-200:]} (in {place})")
        return True

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON."""
        return asdict(self)

    @classmethod
    def from_json(cls, known: dict[str, Any]) -> "Outcome":
        """Return what `as_json` was made of."""
        return cls(**{**known, "faults": [tuple(fault) for fault in known["faults"]]})


def table(outcomes: Iterable[Outcome]) -> str:
    """Return the table of all trials, as Markdown: a row for each section and kind, and one for all."""
    rows: dict[str, Counter[str]] = {}
    for outcome in outcomes:
        section, kind = outcome.name.split("/")[:2]
        for row in (f"{section}: {kind}", "all"):
            counts = rows.setdefault(row, Counter())
            verdicts = {verdict for verdict, _ in outcome.faults}
            counts.update({"tried": outcome.tried, "survived": 0 if verdicts else outcome.tried})
            counts.update(verdicts)
    columns = ("tried", "survived", *VERDICTS)
    lines = ["| what was done | " + " | ".join(columns) + " |", "| --- |" + " ---: |" * len(columns)]
    for row in sorted(rows, key=lambda row: (row == "all", row)):
        lines.append(f"| {row} | " + " | ".join(str(rows[row][column]) for column in columns) + " |")
    return "\n".join(lines)


def reproduction(outcome: Outcome, options: Sequence[str]) -> str:
    """Return one line that says what went wrong and how to see it again.

    Args:
        outcome: what came of a trial.
        options: those that all trials had, such as the seed.
    """
    seen = "; ".join(f"{verdict.upper()}: {text}" for verdict, text in outcome.faults)
    again = " ".join(["python -m torture", *options, f"--only {outcome.name}"])
    return f"{seen}  [{again}: {', then '.join(outcome.told)}]"
