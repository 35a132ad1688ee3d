"""A report as text: CSV for programs, Markdown for people."""

import csv
import io
from collections.abc import Sequence

from vae_lab.errors import show
from vae_lab.reports.comparisons import Comparison
from vae_lab.reports.configurations import Row, brief, label
from vae_lab.reports.interval import Interval
from vae_lab.reports.quantities import quantity
from vae_lab.runs.reading import Run


def to_csv(comparisons: Sequence[Comparison], rest: Sequence[Row], keys: Sequence[str], metrics: Sequence[str]) -> str:
    """One line for each configuration; half-widths of intervals beside the means.

    Args:
        comparisons: the configurations with finished runs.
        rest: those without any.
        keys: what varies.
        metrics: the columns of figures.
    """
    names = differing(comparisons)
    head = [*names, *keys, "seeds", *(name for metric in metrics for name in (metric, f"{metric} half-width"))]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(head)
    for comparison in [*comparisons, Comparison({}, list(rest))]:
        told = [show(comparison.conditions.get(name, "")) for name in names]
        for row in comparison.rows:
            figures = [value for metric in metrics for value in row.interval(metric) or (None, None)]
            # The writer leaves a cell empty for None.
            writer.writerow([*told, *(show(row.values[key]) for key in keys), len(row.runs), *figures])
    return text.getvalue()


def table(comparison: Comparison, keys: Sequence[str], metrics: Sequence[str]) -> list[str]:
    """The configurations of a comparison, best first."""
    known = [metric for metric in metrics if any(row.interval(metric) for row in comparison.rows)]
    lines = [cells([*keys, "seeds", *known]), cells(["---"] * (len(keys) + 1) + ["---:"] * len(known))]
    for row in comparison.rows:
        figures = [figure(row.interval(metric), quantity(metric).decimals) for metric in known]
        lines.append(cells([*(brief(row.values[key]) for key in keys), str(len(row.runs)), *figures]))
    return lines


def figure(known: Interval | None, decimals: int) -> str:
    """A mean and its interval.

    >>> figure(Interval(-98.7654, 0.321), 2), figure(Interval(-98.7654, None), 2), figure(None, 2)
    ('-98.77 ± 0.32', '-98.77', '')
    """
    if known is None:
        return ""
    spread = "" if known.half_width is None else f" ± {known.half_width:.{decimals}f}"
    return f"{known.mean:.{decimals}f}{spread}"


def cells(values: Sequence[str]) -> str:
    return "| " + " | ".join(value.replace("|", "\\|") for value in values) + " |"


def differing(comparisons: Sequence[Comparison]) -> list[str]:
    """The conditions in which comparisons differ."""
    names = dict.fromkeys(name for comparison in comparisons for name in comparison.conditions)
    return [name for name in names if len({repr(each.conditions.get(name)) for each in comparisons}) > 1]


def heading(comparison: Comparison, comparisons: Sequence[Comparison]) -> str:
    """What the figures of a comparison are of."""
    names = ["data", "binarize", "dequantize", "given", *differing(comparisons)]
    return label({name: comparison.conditions[name] for name in dict.fromkeys(names) if name in comparison.conditions})


def left_out(rows: Sequence[Row], waiting: Sequence[Run], repeated: Sequence[tuple[Run, Run]]) -> list[str]:
    """The runs that are in no figure, and why."""
    lines = []
    for row in rows:
        for run in row.others:
            what = label({**row.values, "seed": run.seed})
            lines.append(f"- {run.name} ({what}): {run.status}{run.reason and ': ' + run.reason}")
    lines += [f"- {run.name} ({label(run.settings)}): {run.status}" for run in waiting]
    lines += [f"- {run.name}: it repeats {first.name}, seed and all" for run, first in repeated]
    return lines
