"""Compare a sweep's metrics with those that a paper published for the same configurations."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig

from vae_lab.configuration.processes import is_first
from vae_lab.configuration.training import length
from vae_lab.errors import printable, show
from vae_lab.reports.configurations import Row, fold, short_value
from vae_lab.reports.quantities import quantity, title
from vae_lab.reports.quoting import Quote, markdown
from vae_lab.reports.tables import format_interval, table_head, table_row
from vae_lab.runs.reading import Run, read_runs
from vae_lab.runs.sweep_folder import SweepFolder


class BesidePublished(Callback):
    """Writes `published.md` into the folder of a sweep, and prints it, after the last job.

    Args:
        source: the paper, and the number of its table.
        metric: the compared metric, by its name in `metrics.json`.
        keys: the config groups and dotted keys that distinguish the configurations.
        figures: the paper's results, in its order: the values of all keys, followed by the result.
    """

    def __init__(self, source: str, metric: str, keys: Sequence[str], figures: Sequence[Sequence[Any]]) -> None:
        self.source = source
        self.metric = metric
        self.keys = list(keys)
        self.published = {tuple(map(show, values)): float(result) for *values, result in figures}

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        sweep_dir = Path(config.hydra.sweep.dir)
        runs = [run for run in read_runs([sweep_dir]) if run.status == "finished"]
        if runs and is_first():
            folder = SweepFolder(sweep_dir)
            folder.write_text(folder.published, "\n".join([*self.table(runs, markdown), ""]))
            print("\n".join(["", *self.table(runs, printable)]))

    def table(self, runs: Sequence[Run], quote: Quote) -> list[str]:
        """Return the lines of the table, below a line with the lengths of the training and the numbers of samples.

        Args:
            runs: finished runs.
            quote: how text is quoted for the place where the table goes.
        """
        rows, _ = fold(runs, self.keys)
        known = {tuple(show(row.values[key]) for key in self.keys): row for row in rows}
        lines = [quote(f"{title(self.metric)}: {'; '.join(dict.fromkeys(map(self.describe_effort, runs)))}."), ""]
        lines += table_head([*self.keys, "here", self.source], len(self.keys), quote)
        for values, result in self.published.items():
            printed = f"{result:.{quantity(self.metric).decimals}f}"
            lines.append(table_row([*values, self.own_result(known.get(values)), printed], quote))
        return lines

    def own_result(self, row: Row | None) -> str:
        """Return the metric of a configuration, with its interval over seeds; `-` if it was not run."""
        interval = None if row is None else row.interval(self.metric)
        return format_interval(interval, quantity(self.metric).decimals) or "-"

    def describe_effort(self, run: Run) -> str:
        """Return the epochs of a run, and the samples of its metric, as text."""
        trainer = {key.removeprefix("trainer."): value for key, value in run.settings.items()}
        scale = float(str(run.settings.get("epochs_scale", 1.0)))
        epochs = length(trainer, scale)["max_epochs"]
        trained = f"{epochs:,} epochs of training"
        if scale != 1:
            trained = f"{epochs:,} of {trainer['max_epochs']:,} epochs of training (epochs_scale={short_value(scale)})"
        samples = run.metrics.get(f"{self.metric}_samples")
        return trained + (f", {samples:,} importance samples" if samples else "")
