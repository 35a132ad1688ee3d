"""What a sweep's runs say of their images, against the training images seen."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from hydra.experimental.callback import Callback
from omegaconf import DictConfig

from vae_lab.configuration.processes import is_first
from vae_lab.errors import show
from vae_lab.reports.configurations import value_of
from vae_lab.reports.curves import learning_curve
from vae_lab.reports.series import COLOURS
from vae_lab.runs.folder import RunFolder
from vae_lab.runs.reading import Run, natural, read_runs

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


class Line(NamedTuple):
    """One of the curves of a run."""

    split: str  # what it is of
    tag: str  # of the run's log
    behind: int  # how many steps behind its images it is logged
    style: str


class AgainstImages(Callback):
    """Draws `figures/NAME.png` of the finished runs of a sweep, when its last job is done.

    `name` is that of the figure, and `rows` has what each row of panels shows, by its title.

    Args:
        panels: the key that has a column of panels for each of its values.
        lines: the key that has a colour for each of its values.
    """

    name: ClassVar[str]
    rows: ClassVar[Mapping[str, Sequence[Line]]]

    def __init__(self, panels: str, lines: str) -> None:
        self.panels = panels
        self.lines = lines

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        # Not for commands that end before any job does.
        from vae_lab.reports.drawing import save

        sweep_dir = Path(config.hydra.sweep.dir)
        runs = [run for run in read_runs([sweep_dir]) if run.status == "finished"]
        if runs and is_first():
            picture = against_images(runs, self.rows, self.panels, self.lines)
            save(picture, RunFolder(sweep_dir).figures / f"{self.name}.png")


def against_images(runs: Sequence[Run], rows: Mapping[str, Sequence[Line]], panels: str, lines: str) -> "Figure":
    """Curves over training; those of runs that differ in nothing but their seed are averaged."""
    from matplotlib.figure import Figure

    values = parted(runs, panels)
    picture = Figure(figsize=(3.2 * len(values) + 0.6, 3.0 * len(rows) + 0.8), layout="constrained")
    axes = picture.subplots(len(rows), len(values), squeeze=False, sharey="row")
    colours = dict(zip(parted(runs, lines), COLOURS, strict=False))
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
        panel.set_title(f"{panels}={value}", fontsize=10)
    for panel in axes[-1]:
        panel.set_xlabel("training images seen")
    picture.legend(list(named.values()), list(named), loc="outside lower center", ncols=2, fontsize=8)
    return picture


def draw(
    panel: "Axes", runs: Sequence[Run], curves: Sequence[Line], lines: str, colours: Mapping[str, str]
) -> list[float]:
    """One panel; returns what has to be seen of it, the values after the first tenth of training."""
    from matplotlib.ticker import NullFormatter

    shown: list[float] = []
    for value, members in parted(runs, lines).items():
        batch_size = int(str(members[0].settings["data.batch_size"]))
        for split, tag, behind, style in curves:
            curve = learning_curve(members, tag)
            if curve is None:
                continue
            x, y = (curve.steps + behind) * batch_size, curve.values.mean(0)
            panel.plot(x, y, style, color=colours.get(value, "#BBBBBB"), label=f"{lines}={value}, {split}")
            shown += y[x >= x[-1] / 10].tolist()
    panel.set_xscale("log")
    panel.xaxis.set_minor_formatter(NullFormatter())
    panel.grid(alpha=0.3)
    return shown


def parted(runs: Sequence[Run], key: str) -> dict[str, list[Run]]:
    """The runs by the value of a key, in the order of numbers and names."""
    found: dict[str, list[Run]] = {}
    for run in runs:
        found.setdefault(show(value_of(run, key)), []).append(run)
    return {value: found[value] for value in sorted(found, key=natural)}
