"""Which runs may stand in one table: those whose figures are of the same thing."""

from collections.abc import Sequence
from dataclasses import dataclass

from vae_lab.configuration.declarations import declaration
from vae_lab.configuration.groups import TREATMENT_KEYS
from vae_lab.reports.configurations import WITHOUT_EFFECT, Row
from vae_lab.reports.quantities import quantity
from vae_lab.runs.reading import Run


@dataclass(frozen=True)
class Comparison:
    """Configurations whose figures can be compared, best first."""

    conditions: dict[str, object]  # what the figures are of
    rows: list[Row]


def conditions(run: Run) -> dict[str, object]:
    """What a finished run's figures are of: which images, what was done to them, and what is given beside them."""
    of_data = {
        key: value
        for key, value in run.settings.items()
        if key.startswith("data.") and key.partition(".")[2] not in {*TREATMENT_KEYS, "_target_"}
    }
    told = {
        "data": run.choices.get("data"),
        **{key: value for key, value in of_data.items() if not key.startswith(WITHOUT_EFFECT)},
        "binarize": run.metrics.get("data/binarize"),
        "dequantize": run.metrics.get("data/dequantize"),
        "log p of": distribution(run),
        "given": run.metrics.get("condition"),
        "without classes": run.metrics.get("data/leave_out"),
    }
    if run.metrics.get("corruption/when") == "always":  # else validation and test see clean images
        told |= {key: value for key, value in run.settings.items() if key.startswith("corruption.")}
    return {key: value for key, value in told.items() if value is not None}


def distribution(run: Run) -> str | None:
    """Whether log p(x) is of a probability or of a density: their numbers mean different things."""
    support = declaration(str(run.settings.get("likelihood._target_")), "support")
    if support is None:
        return None
    return "levels" if support in ("binary", "256_levels") else "a density"


def compare(rows: Sequence[Row], rank_by: str) -> list[Comparison]:
    """Put the configurations into tables, of which each holds what can be compared.

    Args:
        rows: the configurations of all runs.
        rank_by: the metric that the best is best in; its direction is known.
    """
    groups: dict[str, tuple[dict[str, object], list[Row]]] = {}
    for row in rows:
        parted: dict[str, list[Run]] = {}
        for run in row.runs:
            parted.setdefault(repr(conditions(run)), []).append(run)
        for name, alike in parted.items():
            groups.setdefault(name, (conditions(alike[0]), []))[1].append(Row(row.values, tuple(alike), row.others))
    return [Comparison(told, ranked(alike, rank_by)) for told, alike in groups.values()]


def ranked(rows: Sequence[Row], metric: str) -> list[Row]:
    """The best first, by the mean over seeds; those that lack the metric last."""
    sign = -1 if quantity(metric).higher_is_better else 1

    def place(row: Row) -> tuple[bool, float]:
        known = row.interval(metric)
        # No number is larger or smaller than NaN, so a sort would leave it anywhere.
        missing = known is None or known.mean != known.mean
        return missing, 0.0 if known is None or missing else sign * known.mean

    return sorted(rows, key=place)
