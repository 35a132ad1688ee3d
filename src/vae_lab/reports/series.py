"""Group configurations into the series of a figure."""

from collections.abc import Sequence
from dataclasses import dataclass

from vae_lab.reports.configurations import Row, label
from vae_lab.reports.interval import TOO_LARGE, Interval
from vae_lab.runs.reading import natural_sort_key

# Okabe & Ito's colours, which can be distinguished with any colour vision: https://jfly.uni-koeln.de/color/
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#8C8C00")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")


@dataclass(frozen=True)
class Series:
    """Rows that differ in one key only.

    Attributes:
        name: the label in the legend; empty if the series shares its colour with others.
        rows: the configurations.
        colour: the colour in matplotlib.
        marker: the marker in matplotlib.
    """

    name: str
    rows: list[Row]
    colour: str
    marker: str


def series(rows: Sequence[Row], along: str | None) -> list[Series]:
    """Group rows by all keys but one.

    The series with the best rows have a colour each, in the order of their names. When the colours are used up, the
    other series are drawn in grey, without a name.

    Args:
        rows: the configurations, the best first.
        along: the key that varies within a series; None gives each row a series of its own.
    """
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(repr(other_values(row, along)), []).append(row)
    members_of = list(groups.values())
    drawn = [Series("", members, "#BBBBBB", ".") for members in members_of[len(COLOURS) :]]
    named = [(label(other_values(members[0], along)), members) for members in members_of[: len(COLOURS)]]
    named.sort(key=lambda each: natural_sort_key(each[0]))
    for (name, members), colour, marker in zip(named, COLOURS, MARKERS, strict=False):
        drawn.append(Series(name, members, colour, marker))
    return drawn


def other_values(row: Row, along: str | None) -> dict[str, object]:
    """Return the values of a row without the key that varies within its series."""
    return {key: value for key, value in row.values.items() if key != along}


def numeric(rows: Sequence[Row], key: str) -> bool:
    """Return whether all values of a key are numbers that an axis can show."""
    return all(isinstance(value := row.values[key], int | float) and on_an_axis(value) for row in rows)


def on_an_axis(value: float | bool) -> bool:
    """Return whether a value is a number, finite, and not so large that matplotlib could not choose ticks."""
    return not isinstance(value, bool) and abs(value) < TOO_LARGE


def drawable(row: Row, metric: str) -> Interval | None:
    """Return the mean of a metric, with its interval, if an axis can show it; see `Row.interval`."""
    known = row.interval(metric)
    return known if known is not None and on_an_axis(known.mean) else None


def number(row: Row, key: str) -> float:
    """Return the value of a numeric key, as a float."""
    value = row.values[key]
    assert isinstance(value, int | float)
    return float(value)


def log_scale(values: Sequence[float]) -> bool:
    """Return whether numbers are positive and span a factor of 10 or more, so that a logarithmic axis suits them.

    >>> log_scale([2, 5, 10, 20]), log_scale([1, 2, 3]), log_scale([0, 1, 10])
    (True, False, False)
    """
    return min(values) > 0 and max(values) >= 10 * min(values)
