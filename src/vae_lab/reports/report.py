"""From the folders of runs to a report."""

import os
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from vae_lab.reports.comparisons import Comparison, compare
from vae_lab.reports.configurations import fold, varying
from vae_lab.reports.quantities import quantity
from vae_lab.reports.tables import heading, left_out, table, to_csv
from vae_lab.runs.files import write_text
from vae_lab.runs.folder import RunFolder
from vae_lab.runs.reading import read_runs

if TYPE_CHECKING:
    from matplotlib.figure import Figure

RANK_BY = "val/elbo"
METRICS = ("test/elbo", "test/rate", "test/distortion", "test/nll", "test/kernel_score")


def destination(folders: Sequence[Path]) -> Path:
    """Where a report goes: into the sweep that it is of; of a single run, or of several folders, to a new one."""
    if len(folders) == 1 and not RunFolder(folders[0]).config.is_file():
        return folders[0]
    return Path("outputs", "reports", f"{datetime.now():%Y-%m-%d}", f"{datetime.now():%H-%M-%S-%f}")


def write_report(
    folders: Sequence[Path], out: Path, *, rank_by: str = RANK_BY, metrics: Sequence[str] = METRICS
) -> str:
    """Write `report.csv`, `report.md` and `figures/*.png`; the same runs give the same bytes.

    Args:
        folders: of sweeps and of runs.
        out: where to write.
        rank_by: the metric that the best is best in.
        metrics: what is shown of each configuration beside it.

    Returns:
        what a person reads in the terminal.

    Raises:
        UserError: where a folder holds no run, or the direction of a metric is not known.
    """
    metrics = [rank_by, *(metric for metric in metrics if metric != rank_by)]
    better = "higher" if quantity(rank_by).higher_is_better else "lower"
    for metric in metrics:
        quantity(metric)
    runs = read_runs(folders)
    started = [run for run in runs if run.status != "not started"]
    keys = varying(started)
    rows, repeated = fold(started, keys)
    comparisons = compare(rows, rank_by)
    lines = [
        f"Best first by {rank_by} ({better} is better). Means over seeds ± half-widths of 95% intervals (Student's t); "
        "of one seed there is no interval.",
    ]
    if len(comparisons) > 1:
        lines += ["", f"The figures are of {len(comparisons)} kinds that cannot be compared with each other."]
    pictures: list[str] = []
    for place, comparison in enumerate(comparisons):
        lines += ["", f"## {heading(comparison, comparisons)}", "", *table(comparison, keys, metrics)]
        written = write_figures(comparison, keys, metrics, out / "figures", "" if place == 0 else f"_{place + 1}")
        pictures += ["", f"## Figures: {heading(comparison, comparisons)}"] if written else []
        pictures += [line for path in written for line in ("", f"![{path.stem}]({path.relative_to(out)})")]
    missing = left_out(rows, [run for run in runs if run.status == "not started"], repeated)
    if missing:
        lines += ["", "## Not in the table", "", *missing]
    rest = [row for row in rows if not row.runs]
    write_text(out / "report.csv", to_csv(comparisons, rest, keys, metrics))
    write_text(out / "report.md", "\n".join(["# Report", "", *lines, *pictures, ""]))
    return "\n".join([*lines, "", f"report       {Path(os.path.relpath(out)) / 'report.md'}"])


def write_figures(
    comparison: Comparison, keys: Sequence[str], metrics: Sequence[str], folder: Path, suffix: str
) -> list[Path]:
    """Draw a comparison; figures of an earlier report that are no longer drawn are removed."""
    from vae_lab.reports import drawing

    if not suffix:
        for kind in ("against_", "rate_distortion", "learning_curves"):
            for stale in folder.glob(f"{kind}*.png"):
                stale.unlink()
    written = []
    for name, picture in pictures_of(comparison, keys, metrics):
        path = folder / f"{name}{suffix}.png"
        drawing.save(picture, path)
        written.append(path)
    return written


def pictures_of(comparison: Comparison, keys: Sequence[str], metrics: Sequence[str]) -> Iterator[tuple[str, "Figure"]]:
    """The pictures of a comparison by name."""
    from vae_lab.reports import drawing

    for key in keys:
        picture = drawing.against(comparison.rows, key, metrics[1:])
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
