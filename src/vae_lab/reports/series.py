"""Configurations as lines and points of a figure."""

from collections.abc import Sequence
from dataclasses import dataclass

from vae_lab.reports.configurations import Row, label
from vae_lab.runs.reading import natural

# Okabe & Ito's colours, which readers with any colour vision tell apart: https://jfly.uni-koeln.de/color/
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#8C8C00")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")


@dataclass(frozen=True)
class Series:
    """Rows that differ in one key only."""

    name: str
    rows: list[Row]
    colour: str
    marker: str


def series(rows: Sequence[Row], along: str | None) -> list[Series]:
    """The rows, parted by every key but one.

    There are only so many colours: the series with the best rows have one each, in the order of their names; the
    others are drawn, but not told apart.

    Args:
        rows: the best first.
        along: the key that varies within a series; None for a series of each row.
    """
    parted: dict[str, list[Row]] = {}
    for row in rows:
        parted.setdefault(repr(others(row, along)), []).append(row)
    alike = list(parted.values())
    drawn = [Series("", members, "#BBBBBB", ".") for members in alike[len(COLOURS) :]]
    named = [(label(others(members[0], along)), members) for members in alike[: len(COLOURS)]]
    named.sort(key=lambda each: natural(each[0]))
    for (name, members), colour, marker in zip(named, COLOURS, MARKERS, strict=False):
        drawn.append(Series(name, members, colour, marker))
    return drawn


def others(row: Row, along: str | None) -> dict[str, object]:
    """The values of a row, but for the key that varies within its series."""
    return {key: value for key, value in row.values.items() if key != along}


def numeric(rows: Sequence[Row], key: str) -> bool:
    """Whether the values of a key are numbers, to be drawn to scale."""
    return all(isinstance(row.values[key], int | float) and not isinstance(row.values[key], bool) for row in rows)


def number(row: Row, key: str) -> float:
    """The value of a numeric key."""
    value = row.values[key]
    assert isinstance(value, int | float)
    return float(value)


def log_scale(values: Sequence[float]) -> bool:
    """Whether numbers span so much that a logarithmic axis fits them.

    >>> log_scale([2, 5, 10, 20]), log_scale([1, 2, 3]), log_scale([0, 1, 10])
    (True, False, False)
    """
    return min(values) > 0 and max(values) >= 10 * min(values)
