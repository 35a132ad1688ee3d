"""The lower bound against the training images seen: Kingma & Welling 2014, figure 2, https://arxiv.org/abs/1312.6114."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig

from vae_lab.errors import show
from vae_lab.reports.configurations import value_of
from vae_lab.reports.curves import learning_curve
from vae_lab.reports.runs import Run, natural, read_runs
from vae_lab.reports.series import COLOURS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# The tags of the two curves, how many steps behind its images each is logged, and its line.
CURVES = {"training": ("train/elbo", 0, "--"), "validation": ("val/elbo", 1, "-")}


class LowerBound(Callback):
    """Draws `figures/lower_bound.png` when the last job of a sweep is done.

    Args:
        panels: the key that has a panel for each of its values.
        lines: the key that has a colour for each of its values.
    """

    def __init__(self, panels: str, lines: str) -> None:
        self.panels = panels
        self.lines = lines

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        # Not for commands that end before any job does.
        from vae_lab.reports.drawing import save

        sweep_dir = Path(config.hydra.sweep.dir)
        runs = [run for run in read_runs([sweep_dir]) if run.status == "finished"]
        if runs:
            save(lower_bound(runs, self.panels, self.lines), sweep_dir / "figures" / "lower_bound.png")


def lower_bound(runs: Sequence[Run], panels: str, lines: str) -> "Figure":
    """The ELBO on training and on validation images over training, a panel for each value of one key.

    Args:
        runs: finished runs; those that differ in nothing but their seed are averaged.
        panels: the key of the panels.
        lines: the key of the colours.
    """
    from matplotlib.figure import Figure

    values = parted(runs, panels)
    picture = Figure(figsize=(3.2 * len(values) + 0.6, 3.8), layout="constrained")
    axes = picture.subplots(1, len(values), squeeze=False, sharey=True)[0]
    colours = dict(zip(parted(runs, lines), COLOURS, strict=False))
    shown = []
    for panel, (value, members) in zip(axes, values.items(), strict=True):
        shown += draw(panel, members, lines, colours)
        panel.set_title(f"{panels}={value}", fontsize=10)
        panel.set_xlabel("training images seen")
    axes[0].set_ylabel("ELBO (nats per image)")
    if shown:
        low, high = min(shown), max(shown)
        axes[0].set_ylim(low, high + 0.05 * (high - low))
    handles, names = axes[0].get_legend_handles_labels()
    picture.legend(handles, names, loc="outside lower center", ncols=2, fontsize=8)
    return picture


def draw(panel: "Axes", runs: Sequence[Run], lines: str, colours: dict[str, str]) -> list[float]:
    """One panel; returns what has to be seen of it, the values after the first tenth of training."""
    from matplotlib.ticker import NullFormatter

    shown: list[float] = []
    for value, members in parted(runs, lines).items():
        batch_size = int(str(members[0].settings["data.batch_size"]))
        for split, (tag, behind, style) in CURVES.items():
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
