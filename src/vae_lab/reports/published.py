"""A sweep's figures beside those that a paper printed for the same configurations."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig

from vae_lab.configuration.processes import is_first
from vae_lab.configuration.training import length
from vae_lab.errors import show
from vae_lab.reports.configurations import Row, brief, fold
from vae_lab.reports.quantities import quantity, title
from vae_lab.reports.tables import cells, figure
from vae_lab.runs.files import write_text
from vae_lab.runs.reading import Run, read_runs


class BesidePublished(Callback):
    """Writes `published.md` into the folder of a sweep, and prints it, when the last job is done.

    Args:
        source: the paper, with its table.
        metric: what is compared, by its name in `metrics.json`.
        keys: the config groups and dotted keys that tell the configurations apart.
        figures: the paper's figures, in its order: the values of all keys, and then the figure.
    """

    def __init__(self, source: str, metric: str, keys: Sequence[str], figures: Sequence[Sequence[Any]]) -> None:
        self.source = source
        self.metric = metric
        self.keys = list(keys)
        self.figures = {tuple(map(show, values)): float(published) for *values, published in figures}

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        sweep_dir = Path(config.hydra.sweep.dir)
        runs = [run for run in read_runs([sweep_dir]) if run.status == "finished"]
        if runs and is_first():
            text = "\n".join(self.beside(runs))
            write_text(sweep_dir / "published.md", f"{text}\n")
            print(f"\n{text}")

    def beside(self, runs: Sequence[Run]) -> list[str]:
        """The table, and above it how the figures here came about."""
        rows, _ = fold(runs, self.keys)
        known = {tuple(show(row.values[key]) for key in self.keys): row for row in rows}
        lines = [f"{title(self.metric)}: {'; '.join(dict.fromkeys(map(self.effort, runs)))}.", ""]
        lines += [cells([*self.keys, "here", self.source]), cells(["---"] * len(self.keys) + ["---:", "---:"])]
        for values, published in self.figures.items():
            printed = f"{published:.{quantity(self.metric).decimals}f}"
            lines.append(cells([*values, self.here(known.get(values)), printed]))
        return lines

    def here(self, row: Row | None) -> str:
        """The figure of a configuration, with its interval over seeds; `-` where it was not run."""
        interval = None if row is None else row.interval(self.metric)
        return figure(interval, quantity(self.metric).decimals) or "-"

    def effort(self, run: Run) -> str:
        """How long a run trained, and with how many samples it was measured."""
        trainer = {key.removeprefix("trainer."): value for key, value in run.settings.items()}
        scale = float(str(run.settings.get("epochs_scale", 1.0)))
        epochs = length(trainer, scale)["max_epochs"]
        trained = f"{epochs:,} epochs of training"
        if scale != 1:
            trained = f"{epochs:,} of {trainer['max_epochs']:,} epochs of training (epochs_scale={brief(scale)})"
        samples = run.metrics.get(f"{self.metric}_samples")
        return trained + (f", {samples:,} importance samples" if samples else "")
