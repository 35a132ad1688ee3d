"""Write a report from the folders of runs."""

import os
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from vae_lab.reports.comparisons import Comparison, compare
from vae_lab.reports.configurations import fold, varying_keys
from vae_lab.reports.quantities import quantity
from vae_lab.reports.tables import heading, left_out, table, to_csv
from vae_lab.runs.folder import RunFolder
from vae_lab.runs.lock import locked
from vae_lab.runs.owned import OwnedFolder
from vae_lab.runs.reading import read_runs

if TYPE_CHECKING:
    from matplotlib.figure import Figure

RANK_BY = "val/elbo"
METRICS = ("test/elbo", "test/rate", "test/distortion", "test/nll", "test/kernel_score")


def destination(folders: Sequence[Path]) -> Path:
    """Return the folder of a report: that of the sweep, or a new one if it is of a single run or of several folders."""
    if len(folders) == 1 and not RunFolder(folders[0]).config.is_file():
        return folders[0]
    return Path("outputs", "reports", f"{datetime.now():%Y-%m-%d}", f"{datetime.now():%H-%M-%S-%f}")


def write_report(
    folders: Sequence[Path], out: Path, *, rank_by: str = RANK_BY, metrics: Sequence[str] = METRICS
) -> str:
    """Write a report into a folder where nobody else writes meanwhile; see `write`."""
    owned = OwnedFolder(out)
    with locked(owned, "writes a report", way_out="write this report elsewhere with out=DIR"):
        return write(folders, owned, rank_by=rank_by, metrics=metrics)


def write(folders: Sequence[Path], owned: OwnedFolder, *, rank_by: str, metrics: Sequence[str]) -> str:
    """Write `report.csv`, `report.md` and `figures/*.png`; the same runs give the same bytes.

    Args:
        folders: the folders of sweeps and of runs.
        owned: the folder to write to.
        rank_by: the metric that configurations are sorted by, the best first.
        metrics: the other metrics that are shown.

    Returns:
        The text for the terminal.

    Raises:
        UserError: if a folder holds no run, or a metric is unknown.
    """
    out = owned.path
    metrics = [rank_by, *(metric for metric in metrics if metric != rank_by)]
    better = "higher" if quantity(rank_by).higher_is_better else "lower"
    for metric in metrics:
        quantity(metric)
    runs = read_runs(folders)
    started = [run for run in runs if run.status != "not started"]
    keys = varying_keys(started)
    rows, repeated = fold(started, keys)
    comparisons = compare(rows, rank_by)
    lines = [
        f"Best first by {rank_by} ({better} is better). Means over seeds ± half-widths of 95% intervals (Student's t); "
        "one seed has no interval.",
    ]
    if len(comparisons) > 1:
        lines += ["", f"There are {len(comparisons)} tables, whose metrics cannot be compared with each other."]
    pictures: list[str] = []
    for place, comparison in enumerate(comparisons):
        lines += ["", f"## {heading(comparison, comparisons)}", "", *table(comparison, keys, metrics)]
        written = write_figures(comparison, keys, metrics, owned, "" if place == 0 else f"_{place + 1}")
        pictures += ["", f"## Figures: {heading(comparison, comparisons)}"] if written else []
        pictures += [line for path in written for line in ("", f"![{path.stem}]({path.relative_to(out)})")]
    missing = left_out(rows, [run for run in runs if run.status == "not started"], repeated)
    if missing:
        lines += ["", "## Not in the table", "", *missing]
    rest = [row for row in rows if not row.runs]
    owned.write_text(out / "report.csv", to_csv(comparisons, rest, keys, metrics))
    owned.write_text(out / "report.md", "\n".join(["# Report", "", *lines, *pictures, ""]))
    return "\n".join([*lines, "", f"report       {Path(os.path.relpath(out)) / 'report.md'}"])


def write_figures(
    comparison: Comparison, keys: Sequence[str], metrics: Sequence[str], owned: OwnedFolder, suffix: str
) -> list[Path]:
    """Draw the figures of a comparison and write them; figures of an earlier report are removed first.

    Args:
        comparison: the configurations.
        keys: the varying keys.
        metrics: the metrics, that of the ranking first.
        owned: the folder of the report.
        suffix: the end of the files' names, empty for the first comparison.

    Returns:
        The paths of the figures.
    """
    from vae_lab.reports import drawing

    if not suffix:
        for name in owned.written():
            if name.startswith(("figures/against_", "figures/rate_distortion", "figures/learning_curves")):
                owned.remove(owned.path / name)
    folder, written = owned.path / "figures", []
    for name, picture in pictures_of(comparison, keys, metrics):
        path = folder / f"{name}{suffix}.png"
        drawing.save(picture, owned, path)
        written.append(path)
    return written


def pictures_of(comparison: Comparison, keys: Sequence[str], metrics: Sequence[str]) -> Iterator[tuple[str, "Figure"]]:
    """Yield the figures of a comparison with their names."""
    from vae_lab.reports import drawing

    for key in keys:
        picture = drawing.metrics_against_key(comparison.rows, key, metrics[1:])
        if picture is not None:
            yield f"against_{key.replace('/', '.')}", picture
    plane = drawing.rate_distortion(comparison.rows)
    if plane is not None:
        yield "rate_distortion", plane
    for metric in ("val/elbo", "val/distortion"):
        curves = drawing.learning_curves(comparison.rows, metric)
        if curves is not None:
            yield "learning_curves", curves
            return
