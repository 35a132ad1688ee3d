"""Write a report from the folders of runs."""

import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from vae_lab.errors import printable
from vae_lab.reports.comparisons import Comparison, compare
from vae_lab.reports.configurations import NOT_IN_THE_TABLE, Row, fold, varying_keys
from vae_lab.reports.quantities import quantity
from vae_lab.reports.quoting import Quote, file_name, markdown
from vae_lab.reports.tables import heading, left_out, table, to_csv
from vae_lab.runs.folder import RunFolder
from vae_lab.runs.lock import locked
from vae_lab.runs.owned import OwnedFolder
from vae_lab.runs.reading import Run, read_runs
from vae_lab.runs.sweep_folder import folder_of_report

if TYPE_CHECKING:
    from matplotlib.figure import Figure

RANK_BY = "val/elbo"
METRICS = ("test/elbo", "test/rate", "test/distortion", "test/nll", "test/kernel_score")
FIGURES = ("figures/against_", "figures/rate_distortion", "figures/learning_curves")


class Found(NamedTuple):
    """What the runs of a report are.

    Attributes:
        rank_by: the metric that the configurations are sorted by.
        keys: the keys that distinguish configurations.
        rows: the configurations.
        comparisons: those with finished runs, in tables of comparable metrics.
        repeated: pairs of a run that repeats another and the run that is counted.
        others: the runs of which no configuration is known.
    """

    rank_by: str
    keys: list[str]
    rows: list[Row]
    comparisons: list[Comparison]
    repeated: list[tuple[Run, Run]]
    others: list[Run]


def destination(folders: Sequence[Path]) -> Path:
    """Return the folder of a report: that of the sweep, or a new one if it is of a single run or of several folders."""
    if len(folders) == 1 and not RunFolder(folders[0]).config.is_file():
        return folders[0]
    return Path("outputs", "reports", f"{datetime.now():%Y-%m-%d}", f"{datetime.now():%H-%M-%S-%f}")


def write_report(
    folders: Sequence[Path], out: Path, *, rank_by: str = RANK_BY, metrics: Sequence[str] = METRICS
) -> str:
    """Write `report.csv`, `report.md` and `figures/*.png`; the same runs give the same bytes.

    All of it is ready before a file is replaced, and `report.md` is the last one, so an error leaves the old report.

    Args:
        folders: the folders of sweeps and of runs.
        out: the folder to write to, where nobody else writes meanwhile; it is made if there is something to report.
        rank_by: the metric that configurations are sorted by, the best first.
        metrics: the other metrics that are shown.

    Returns:
        The text for the terminal.

    Raises:
        UserError: if a folder holds no run, a metric is unknown, a file to be replaced is not vae_lab's, or another
            process writes there.
    """
    metrics = [rank_by, *(metric for metric in metrics if metric != rank_by)]
    for metric in metrics:
        quantity(metric)
    found = collect(read_runs(folders), rank_by)
    files, pictures = draw_figures(found, metrics)
    table = to_csv(found.comparisons, [row for row in found.rows if not row.runs], found.keys, metrics)
    files["report.csv"] = table.encode()
    text = ["# Report", "", *body(found, metrics, markdown), *pictures, ""]
    files["report.md"] = "\n".join(text).encode()
    folder = folder_of_report(out)
    with locked(folder, "writes a report", way_out="write this report elsewhere with out=DIR"):
        replace_report(folder, files)
    shown = printable(str(Path(os.path.relpath(out)) / "report.md"))
    return "\n".join([*body(found, metrics, printable), "", f"report       {shown}"])


def replace_report(out: OwnedFolder, files: Mapping[str, bytes]) -> None:
    """Write the files of a report, and remove those figures of an earlier report that it does not have.

    Raises:
        UserError: if somebody else wrote one of the files; then none is written.
    """
    for name in files:
        out.check_replaceable(out.path / name)
    for name, content in files.items():
        out.write_bytes(out.path / name, content)
    for name in out.written() - files.keys():
        if name.startswith(FIGURES):
            out.remove(out.path / name)


def collect(runs: Sequence[Run], rank_by: str) -> Found:
    """Sort runs into what can be compared and what stands in no table."""
    known = [run for run in runs if run.status not in NOT_IN_THE_TABLE]
    keys = varying_keys(known)
    rows, repeated = fold(known, keys)
    others = [run for run in runs if run.status in NOT_IN_THE_TABLE]
    return Found(rank_by, keys, rows, compare(rows, rank_by), repeated, others)


def body(found: Found, metrics: Sequence[str], quote: Quote) -> list[str]:
    """Return the lines of a report, without its figures.

    Args:
        found: what the runs are.
        metrics: the metrics, that of the ranking first.
        quote: how text is quoted for the place where the report goes.
    """
    better = "higher" if quantity(found.rank_by).higher_is_better else "lower"
    lines = [
        f"Best first by {quote(found.rank_by)} ({better} is better). Means over seeds ± half-widths of 95% intervals "
        "(Student's t); one seed has no interval.",
    ]
    if len(found.comparisons) > 1:
        lines += ["", f"There are {len(found.comparisons)} tables, whose metrics cannot be compared with each other."]
    for comparison in found.comparisons:
        title = quote(heading(comparison, found.comparisons))
        lines += ["", f"## {title}", "", *table(comparison, found.keys, metrics, quote)]
    missing = left_out(found.rows, found.others, found.repeated, quote)
    return [*lines, "", "## Not in the table", "", *missing] if missing else lines


def draw_figures(found: Found, metrics: Sequence[str]) -> tuple[dict[str, bytes], list[str]]:
    """Draw the figures of a report.

    Args:
        found: what the runs are.
        metrics: the metrics, that of the ranking first.

    Returns:
        The figures by the names of their files, and the lines of the report that show them.
    """
    from vae_lab.reports import drawing

    files: dict[str, bytes] = {}
    lines: list[str] = []
    for place, comparison in enumerate(found.comparisons):
        suffix = "" if place == 0 else f"_{place + 1}"
        drawn = {
            f"figures/{name}{suffix}.png": picture for name, picture in pictures_of(comparison, found.keys, metrics)
        }
        if drawn:
            lines += ["", f"## Figures: {markdown(heading(comparison, found.comparisons))}"]
        lines += [line for name in drawn for line in ("", f"![{markdown(Path(name).stem)}]({name})")]
        files |= {name: drawing.png(picture) for name, picture in drawn.items()}
    return files, lines


def pictures_of(comparison: Comparison, keys: Sequence[str], metrics: Sequence[str]) -> Iterator[tuple[str, "Figure"]]:
    """Yield the figures of a comparison with their names."""
    from vae_lab.reports import drawing

    for key in keys:
        picture = drawing.metrics_against_key(comparison.rows, key, metrics[1:])
        if picture is not None:
            yield f"against_{file_name(key)}", picture
    plane = drawing.rate_distortion(comparison.rows)
    if plane is not None:
        yield "rate_distortion", plane
    for metric in ("val/elbo", "val/distortion"):
        curves = drawing.learning_curves(comparison.rows, metric)
        if curves is not None:
            yield "learning_curves", curves
            return
