"""Decide which runs can be compared in one table: those whose metrics measure the same quantity."""

from collections.abc import Sequence
from dataclasses import dataclass

from vae_lab.configuration.declarations import declaration
from vae_lab.configuration.groups import TREATMENT_KEYS
from vae_lab.reports.configurations import WITHOUT_EFFECT, Row
from vae_lab.reports.quantities import quantity
from vae_lab.runs.reading import Run

# `support` of the likelihoods whose log p(x) is the logarithm of a probability, not of a density.
DISCRETE_SUPPORTS = ("binary", "256_levels")


@dataclass(frozen=True)
class Comparison:
    """Configurations whose metrics can be compared, best first.

    Attributes:
        conditions: what the metrics were measured on, equal for all rows.
        rows: the configurations.
    """

    conditions: dict[str, object]
    rows: list[Row]


def conditions(run: Run) -> dict[str, object]:
    """Return what a finished run's metrics were measured on: the images, their treatment, and the condition."""
    of_data = {
        key: value
        for key, value in run.settings.items()
        if key.startswith("data.") and key.partition(".")[2] not in {*TREATMENT_KEYS, "_target_"}
    }
    found = {
        "data": run.choices.get("data"),
        **{key: value for key, value in of_data.items() if not key.startswith(WITHOUT_EFFECT)},
        "binarize": run.metrics.get("data/binarize"),
        "dequantize": run.metrics.get("data/dequantize"),
        "log p of": kind_of_log_likelihood(run),
        "given": run.metrics.get("condition"),
        "without classes": run.metrics.get("data/leave_out"),
    }
    if run.metrics.get("corruption/when") == "always":  # else validation and test use clean images
        found |= {key: value for key, value in run.settings.items() if key.startswith("corruption.")}
    return {key: value for key, value in found.items() if value is not None}


def kind_of_log_likelihood(run: Run) -> str | None:
    """Return whether log p(x) is that of a probability (`levels`) or of a density, since the two cannot be compared."""
    support = declaration(str(run.settings.get("likelihood._target_")), "support")
    if support is None:
        return None
    return "levels" if support in DISCRETE_SUPPORTS else "a density"


def compare(rows: Sequence[Row], rank_by: str) -> list[Comparison]:
    """Group the configurations into tables of comparable metrics.

    Args:
        rows: the configurations of all runs.
        rank_by: the metric that the rows are sorted by, the best first.

    Raises:
        UserError: if it is not known which direction of the metric is better.
    """
    groups: dict[str, tuple[dict[str, object], list[Row]]] = {}
    for row in rows:
        by_conditions: dict[str, list[Run]] = {}
        for run in row.runs:
            by_conditions.setdefault(repr(conditions(run)), []).append(run)
        for name, runs in by_conditions.items():
            groups.setdefault(name, (conditions(runs[0]), []))[1].append(Row(row.values, tuple(runs), row.others))
    return [Comparison(shared, rank(members, rank_by)) for shared, members in groups.values()]


def rank(rows: Sequence[Row], metric: str) -> list[Row]:
    """Sort rows by the mean over seeds, the best first; rows without the metric are last."""
    sign = -1 if quantity(metric).higher_is_better else 1

    def sort_key(row: Row) -> tuple[bool, float]:
        known = row.interval(metric)
        # NaN compares false with every number, so it needs a key of its own.
        missing = known is None or known.mean != known.mean
        return missing, 0.0 if known is None or missing else sign * known.mean

    return sorted(rows, key=sort_key)
