"""Draw metrics of a sweep's runs against the number of training images seen."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from hydra.experimental.callback import Callback
from omegaconf import DictConfig

from vae_lab.configuration.processes import is_first
from vae_lab.errors import show
from vae_lab.reports.configurations import value_of
from vae_lab.reports.curves import learning_curve
from vae_lab.reports.quoting import in_figure
from vae_lab.reports.series import COLOURS
from vae_lab.runs.reading import Run, natural_sort_key, read_runs
from vae_lab.runs.sweep_folder import SweepFolder

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


class Line(NamedTuple):
    """One curve of a run.

    Attributes:
        split: the images that it is measured on.
        tag: its name in the run's log.
        lag: the steps by which the logged step is smaller than the steps trained.
        style: its line style in matplotlib.
    """

    split: str
    tag: str
    lag: int
    style: str


class AgainstImages(Callback):
    """Draws `figures/NAME.png` of the finished runs of a sweep, after its last job.

    Args:
        panels: the key with one column of panels for each of its values.
        lines: the key with one colour for each of its values.

    Attributes:
        name: the name of the figure.
        rows: the curves of each row of panels, by the row's title.
    """

    name: ClassVar[str]
    rows: ClassVar[Mapping[str, Sequence[Line]]]

    def __init__(self, panels: str, lines: str) -> None:
        self.panels = panels
        self.lines = lines

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        # Imported here, since matplotlib takes time and Hydra makes callbacks at the start of every command.
        from vae_lab.reports.drawing import save

        sweep_dir = Path(config.hydra.sweep.dir)
        runs = [run for run in read_runs([sweep_dir]) if run.status == "finished"]
        if runs and is_first():
            picture = against_images(runs, self.rows, self.panels, self.lines)
            folder = SweepFolder(sweep_dir)
            save(picture, folder, folder.figures / f"{self.name}.png")


def against_images(runs: Sequence[Run], rows: Mapping[str, Sequence[Line]], panels: str, lines: str) -> "Figure":
    """Draw curves over training; those of runs that differ only in their seed are averaged.

    Args:
        runs: finished runs.
        rows: the curves of each row of panels, by the row's title.
        panels: the key with one column of panels for each of its values.
        lines: the key with one colour for each of its values.
    """
    from matplotlib.figure import Figure

    values = group_by_value(runs, panels)
    picture = Figure(figsize=(3.2 * len(values) + 0.6, 3.0 * len(rows) + 0.8), layout="constrained")
    axes = picture.subplots(len(rows), len(values), squeeze=False, sharey="row")
    colours = dict(zip(group_by_value(runs, lines), COLOURS, strict=False))
    named: dict[str, Artist] = {}
    for row, (title, curves) in zip(axes, rows.items(), strict=True):
        shown = []
        for panel, members in zip(row, values.values(), strict=True):
            shown += draw(panel, members, curves, lines, colours)
            for handle, name in zip(*panel.get_legend_handles_labels(), strict=True):
                named[name] = handle
        row[0].set_ylabel(title)
        if shown:
            low, high = min(shown), max(shown)
            row[0].set_ylim(low, high + 0.05 * (high - low))
    for panel, value in zip(axes[0], values, strict=True):
        panel.set_title(in_figure(f"{panels}={value}"), fontsize=10)
    for panel in axes[-1]:
        panel.set_xlabel("training images seen")
    picture.legend(list(named.values()), list(named), loc="outside lower center", ncols=2, fontsize=8)
    return picture


def draw(
    panel: "Axes", runs: Sequence[Run], curves: Sequence[Line], lines: str, colours: Mapping[str, str]
) -> list[float]:
    """Draw one panel, and return the values that must be visible: those after the first tenth of training."""
    from matplotlib.ticker import NullFormatter

    shown: list[float] = []
    for value, members in group_by_value(runs, lines).items():
        batch_size = int(str(members[0].settings["data.batch_size"]))
        for split, tag, lag, style in curves:
            curve = learning_curve(members, tag)
            if curve is None:
                continue
            x, y = (curve.steps + lag) * batch_size, curve.values.mean(0)
            panel.plot(x, y, style, color=colours.get(value, "#BBBBBB"), label=in_figure(f"{lines}={value}, {split}"))
            shown += y[x >= x[-1] / 10].tolist()
    panel.set_xscale("log")
    panel.xaxis.set_minor_formatter(NullFormatter())
    panel.grid(alpha=0.3)
    return shown


def group_by_value(runs: Sequence[Run], key: str) -> dict[str, list[Run]]:
    """Group runs by the value of a key, in the natural order of the values."""
    found: dict[str, list[Run]] = {}
    for run in runs:
        found.setdefault(show(value_of(run, key)), []).append(run)
    return {value: found[value] for value in sorted(found, key=natural_sort_key)}
