"""Draw the figures of a report."""

import io
import math
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullLocator
from numpy.typing import NDArray

from vae_lab.errors import show
from vae_lab.reports.configurations import Row
from vae_lab.reports.curves import learning_curve
from vae_lab.reports.interval import Interval
from vae_lab.reports.quantities import title
from vae_lab.reports.quoting import in_figure
from vae_lab.reports.series import Series, drawable, log_scale, number, numeric, series
from vae_lab.runs.owned import OwnedFolder


def metrics_against_key(rows: Sequence[Row], key: str, metrics: Sequence[str]) -> Figure | None:
    """Draw each metric against a key, with 95% intervals as bands (numeric keys) or bars (names).

    Args:
        rows: the configurations.
        key: a key that varies among them.
        metrics: the metrics, one panel each.

    Returns:
        The figure, or None if the key has one value only or no configuration has a metric.
    """
    rows = [row for row in rows if row.runs]
    known = [metric for metric in metrics if any(drawable(row, metric) for row in rows)]
    if len({show(row.values[key]) for row in rows}) < 2 or not known:
        return None
    columns = min(2, len(known))
    lines = -(-len(known) // columns)
    picture = Figure(figsize=(5.2 * columns, 3.6 * lines + 0.8), layout="constrained")
    axes = picture.subplots(lines, columns, squeeze=False).flatten()
    drawn = series(rows, key)
    for position, metric in enumerate(known):
        panel = axes[position]
        (draw_numeric if numeric(rows, key) else draw_categorical)(panel, drawn, key, metric)
        panel.set_xlabel(in_figure(key))
        panel.set_ylabel(in_figure(title(metric)))
        panel.grid(alpha=0.3)
    for panel in axes[len(known) :]:
        panel.remove()
    if len(drawn) > 1:
        legend(picture, axes[0], drawn)
    caption(picture, rows, f"{'bands' if numeric(rows, key) else 'bars'}: 95% intervals")
    return picture


def draw_numeric(panel: Axes, drawn: Sequence[Series], key: str, metric: str) -> None:
    """Draw a metric against a numeric key."""
    ticks: set[float] = set()
    for each in drawn:
        points = sorted((number(row, key), known) for row in each.rows if (known := drawable(row, metric)))
        x = np.array([value for value, _ in points])
        y = np.array([known.mean for _, known in points])
        below, above = bars([known for _, known in points])
        panel.plot(x, y, color=each.colour, marker=each.marker, label=in_figure(each.name))
        if len(points) > 1:
            panel.fill_between(x, y - below, y + above, color=each.colour, alpha=0.2, linewidth=0)
        else:
            panel.errorbar(x, y, (below, above), color=each.colour, capsize=3)
        ticks.update(x)
    if log_scale(sorted(ticks)):
        panel.set_xscale("log")
    if len(ticks) <= 10:
        panel.set_xticks(sorted(ticks), [f"{value:g}" for value in sorted(ticks)])
        panel.xaxis.set_minor_locator(NullLocator())


def bars(intervals: Sequence[Interval]) -> NDArray[np.float64]:
    """Return the lengths of the error bars below and above the means, of shape (2, intervals)."""
    ends = [[known.below for known in intervals], [known.above for known in intervals]]
    return np.array(ends, dtype=np.float64)


def draw_categorical(panel: Axes, drawn: Sequence[Series], key: str, metric: str) -> None:
    """Draw a metric for each name that a key takes."""
    names = list(dict.fromkeys(show(row.values[key]) for each in drawn for row in each.rows))
    for place, each in enumerate(drawn):
        shift = 0.5 * ((place + 0.5) / len(drawn) - 0.5)  # so that series do not cover each other
        points = [(names.index(show(row.values[key])), known) for row in each.rows if (known := drawable(row, metric))]
        x = [position + shift for position, _ in points]
        means = [known.mean for _, known in points]
        panel.errorbar(
            x,
            means,
            bars([known for _, known in points]),
            color=each.colour,
            marker=each.marker,
            linestyle="",
            capsize=3,
            label=in_figure(each.name),
        )
    long = sum(map(len, names)) > 40
    labels = [in_figure(name) for name in names]
    panel.set_xticks(range(len(names)), labels, rotation=30 if long else 0, ha="right" if long else "center")
    panel.set_xlim(-0.5, len(names) - 0.5)


def rate_distortion(rows: Sequence[Row], split: str = "test") -> Figure | None:
    """Draw the rate-distortion plane, with lines of equal ELBO: Alemi et al. 2018, https://arxiv.org/abs/1711.00464.

    Points that differ in one numeric key only are connected, and labelled with its value.

    Args:
        rows: the configurations.
        split: the split of the metrics, `test` or `val`.

    Returns:
        The figure, or None if no configuration has both metrics.
    """
    names = f"{split}/rate", f"{split}/distortion"
    rows = [row for row in rows if all(drawable(row, name) for name in names)]
    if not rows:
        return None
    picture = Figure(figsize=(7, 5.5), layout="constrained")
    panel = picture.subplots()
    along = next((key for key in rows[0].values if numeric(rows, key)), None)
    drawn = series(rows, along)
    for each in drawn:
        members = sorted(each.rows, key=partial(number, key=along)) if along else each.rows
        known = [[drawable(row, name) or Interval(math.nan, None) for row in members] for name in names]
        x, y = ([interval.mean for interval in intervals] for intervals in known)
        dx, dy = map(bars, known)
        marks: dict[str, Any] = {"color": each.colour, "marker": each.marker, "label": in_figure(each.name)}
        panel.errorbar(x, y, dy, dx, ecolor=(each.colour, 0.4), elinewidth=1, **marks)
        if along and len(rows) <= 24:
            for row, place in zip(members, zip(x, y, strict=True), strict=True):
                panel.annotate(f"{number(row, along):g}", place, xytext=(5, 5), textcoords="offset points", fontsize=8)
    panel.margins(0.1)
    equal_elbo(panel)
    panel.set_xlabel(title(names[0]))
    panel.set_ylabel(title(names[1]))
    if len(drawn) > 1:
        legend(picture, panel, drawn)
    named = [f"numbers: {in_figure(along)}"] if along else []
    caption(picture, rows, "bars: 95% intervals", "dashed: equal ELBO", *named)
    return picture


def equal_elbo(panel: Axes) -> None:
    """Draw dashed lines of constant rate + distortion."""
    (left, right), (bottom, top) = panel.get_xlim(), panel.get_ylim()
    for total in MaxNLocator(6).tick_values(left + bottom, right + top):
        panel.plot([left, right], [total - left, total - right], color="0.6", linestyle="--", linewidth=0.7, zorder=0)
        x = min(right, total - bottom)  # where the line leaves the panel
        if left < x and total - x < top:
            panel.annotate(f"{-total:g}", (x, total - x), color="0.45", fontsize=7, ha="right", va="bottom")
    panel.set_xlim(left, right)
    panel.set_ylim(bottom, top)


def learning_curves(rows: Sequence[Row], metric: str) -> Figure | None:
    """Draw a metric over training: the mean over seeds, and a band from the lowest to the highest seed.

    Returns:
        The figure, or None if no run has logged the metric.
    """
    picture = Figure(figsize=(7, 5), layout="constrained")
    panel = picture.subplots()
    drawn = series([row for row in rows if row.runs], None)
    shown = []
    for each in drawn:
        curve = learning_curve(each.rows[0].runs, metric)
        if curve is None:
            continue
        shown.append(each)
        panel.plot(curve.steps, curve.values.mean(0), color=each.colour, marker=".", label=in_figure(each.name))
        panel.fill_between(
            curve.steps, curve.values.min(0), curve.values.max(0), color=each.colour, alpha=0.2, linewidth=0
        )
    if not shown:
        return None
    panel.set_xlabel("optimisation steps")
    panel.set_ylabel(in_figure(title(metric)))
    panel.grid(alpha=0.3)
    if len(shown) > 1:
        legend(picture, panel, drawn)
    caption(picture, rows, "lines: means, bands: from the lowest to the highest seed")
    return picture


def legend(picture: Figure, panel: Axes, drawn: Sequence[Series]) -> None:
    """Add the legend below the panels."""
    handles, names = panel.get_legend_handles_labels()
    named = [(handle, name) for handle, name in zip(handles, names, strict=True) if name]
    rest = sum(not each.name for each in drawn)
    picture.legend(
        [handle for handle, _ in named],
        [name for _, name in named],
        loc="outside lower center",
        ncols=2,
        fontsize=8,
        title=f"the best {len(named)}; in grey {rest} others" if rest else None,
    )


def caption(picture: Figure, rows: Sequence[Row], spread: str, *others: str) -> None:
    """Add a caption: the number of seeds, and the meaning of the marks.

    Args:
        picture: the figure.
        rows: the configurations that it shows.
        spread: what bands or bars mean; left out if there is one seed only.
        others: further remarks.
    """
    counts = sorted({len(row.runs) for row in rows if row.runs})
    if counts[-1] == 1:
        parts = ["one seed each, so no intervals", *others]
    else:
        parts = [" to ".join(dict.fromkeys(map(str, (counts[0], counts[-1])))) + " seeds", spread, *others]
    picture.suptitle("; ".join(parts), fontsize=9)


def save(picture: Figure, folder: OwnedFolder, path: Path) -> None:
    """Write a figure as a PNG file, atomically."""
    folder.write_bytes(path, png(picture))


def png(picture: Figure) -> bytes:
    """Return a figure as a PNG file, without metadata, so that equal figures are equal files."""
    file = io.BytesIO()
    picture.savefig(file, format="png", dpi=120, metadata={"Software": None})
    return file.getvalue()
