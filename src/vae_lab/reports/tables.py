"""A report as text: CSV for programs, Markdown for readers."""

import csv
import io
from collections.abc import Sequence

from vae_lab.errors import show
from vae_lab.reports.comparisons import Comparison
from vae_lab.reports.configurations import Row, label, short_value
from vae_lab.reports.interval import Interval
from vae_lab.reports.quantities import quantity
from vae_lab.reports.quoting import Quote, csv_cell
from vae_lab.runs.reading import Run


def to_csv(comparisons: Sequence[Comparison], rest: Sequence[Row], keys: Sequence[str], metrics: Sequence[str]) -> str:
    """Return the configurations as CSV, one line each, with means and half-widths of intervals.

    Args:
        comparisons: the configurations with finished runs.
        rest: the configurations without finished runs.
        keys: the varying keys.
        metrics: the metrics, two columns each.
    """
    names = varying_conditions(comparisons)
    of_metrics = [name for metric in metrics for name in (metric, f"{metric} half-width")]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(map(csv_cell, [*names, *keys, "seeds", *of_metrics]))
    for comparison in [*comparisons, Comparison({}, list(rest))]:
        conditions = [comparison.conditions.get(name, "") for name in names]
        for row in comparison.rows:
            values = [value for metric in metrics for value in (row.interval(metric) or (None, None))[:2]]
            # The writer leaves the cell of None empty.
            texts = [csv_cell(show(value)) for value in (*conditions, *(row.values[key] for key in keys))]
            writer.writerow([*texts, len(row.runs), *values])
    return text.getvalue()


def table(comparison: Comparison, keys: Sequence[str], metrics: Sequence[str], quote: Quote) -> list[str]:
    """Return the configurations of a comparison as the lines of a Markdown table, best first.

    Args:
        comparison: the configurations.
        keys: the varying keys.
        metrics: the metrics; those that no configuration has are left out.
        quote: how text is quoted for the place where the table goes.
    """
    known = [metric for metric in metrics if any(row.interval(metric) for row in comparison.rows)]
    lines = table_head([*keys, "seeds", *known], len(keys) + 1, quote)
    for row in comparison.rows:
        values = [format_interval(row.interval(metric), quantity(metric).decimals) for metric in known]
        lines.append(table_row([*(short_value(row.values[key]) for key in keys), str(len(row.runs)), *values], quote))
    return lines


def format_interval(known: Interval | None, decimals: int) -> str:
    """Return a mean and its interval as text, by its ends if it reaches the lowest value that there is; empty for None.

    >>> format_interval(Interval(-98.7654, 0.321), 2), format_interval(Interval(-98.7654, None), 2)
    ('-98.77 ± 0.32', '-98.77')
    >>> format_interval(Interval(0.14, 0.21, lowest=0), 2)
    '0.14 (0.00 to 0.35)'
    """
    if known is None:
        return ""
    style = f".{decimals}f" if abs(known.mean) < 1e9 else ".4g"
    spread = "" if known.half_width is None else f" ± {known.half_width:{style}}"
    if known.below < known.above:
        spread = f" ({known.lowest:{style}} to {known.mean + known.above:{style}})"
    return f"{known.mean:{style}}{spread}"


def table_head(names: Sequence[str], num_left: int, quote: Quote) -> list[str]:
    """Return the head of a Markdown table: the names of its columns, of which the first are aligned to the left."""
    return [table_row(names, quote), table_row(["---"] * num_left + ["---:"] * (len(names) - num_left), str)]


def table_row(values: Sequence[str], quote: Quote) -> str:
    """Return a row of a Markdown table."""
    return "| " + " | ".join(map(quote, values)) + " |"


def varying_conditions(comparisons: Sequence[Comparison]) -> list[str]:
    """Return the names of the conditions in which comparisons differ."""
    names = dict.fromkeys(name for comparison in comparisons for name in comparison.conditions)
    return [name for name in names if len({repr(each.conditions.get(name)) for each in comparisons}) > 1]


def heading(comparison: Comparison, comparisons: Sequence[Comparison]) -> str:
    """Return the heading of a comparison: what its metrics were measured on."""
    names = ["data", "binarize", "dequantize", "given", *varying_conditions(comparisons)]
    return label({name: comparison.conditions[name] for name in dict.fromkeys(names) if name in comparison.conditions})


def left_out(
    rows: Sequence[Row], others: Sequence[Run], repeated: Sequence[tuple[Run, Run]], quote: Quote
) -> list[str]:
    """Return the runs that are in no table, with the reasons, as the lines of a Markdown list.

    Args:
        rows: the configurations.
        others: runs that have not started or cannot be read.
        repeated: pairs of a run that repeats another and the run that is counted.
        quote: how text is quoted for the place where the list goes.
    """
    known = [(run, label({**row.values, "seed": run.seed})) for row in rows for run in row.others]
    known += [(run, label(run.settings)) for run in others]
    lines = [
        f"{run.name}{what and f' ({what})'}: {run.status}{run.reason and ': ' + run.reason}" for run, what in known
    ]
    lines += [f"{run.name}: it repeats {first.name}, with the same seed" for run, first in repeated]
    return [f"- {quote(line)}" for line in lines]
