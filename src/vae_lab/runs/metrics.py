"""Read `metrics.json`, which may be damaged or a stranger's: numbers and text, by the names of the metrics."""

import math
from pathlib import Path

from vae_lab.errors import UserError
from vae_lab.runs.files import read_json

Metrics = dict[str, float | int | str]

# What vae_lab computes with, so that another kind of value would end it somewhere else.
NUMBERS = ("epoch", "max_epochs", "test/nll_samples", "train_seconds", "images_per_second")


def read_metrics(path: Path) -> Metrics:
    """Read the metrics that `vae_lab.training.experiment.finish` wrote.

    Raises:
        UserError: one line with the file, if it is damaged.
    """
    metrics = read_json(path)
    for name, value in metrics.items():
        if not isinstance(value, int | float | str) or isinstance(value, bool):
            raise UserError(
                f"{path}: {name} should be a number or text, and is {type(value).__name__}; the file is damaged"
            )
        if name in NUMBERS and isinstance(value, str):
            raise UserError(f"{path}: {name}={value} should be a number; the file is damaged")
        if isinstance(value, int) and not fits_float(value):
            raise UserError(f"{path}: {name} is a number of {len(str(value))} digits; the file is damaged")
    return metrics


def fits_float(value: int) -> bool:
    """Return whether a whole number is one that computing in floats goes on from."""
    try:
        return math.isfinite(float(value))
    except OverflowError:
        return False


def metric_of(metrics: Metrics, name: str, path: Path) -> float | int | str:
    """Return a metric that every finished run has.

    Args:
        metrics: the metrics of a run.
        name: the name of the metric.
        path: the file that they were read from.

    Raises:
        UserError: one line with the file, if the metric is missing.
    """
    if name not in metrics:
        raise UserError(f"{path}: there is no {name} in it, which every finished run has; the file is damaged")
    return metrics[name]
