"""The log of a run: each point stands at the number of optimisation steps behind it.

A resumed run starts at the number of its checkpoint, so what it logs again is exactly what stands after that number.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from lightning.fabric.loggers.logger import Logger  # the base class of every logger
from lightning.pytorch.loggers import TensorBoardLogger

# Metrics and pictures of the epoch that is tested, beside the curves of all epochs.
CHOSEN = "chosen"


def log_metrics(loggers: Iterable[Logger], metrics: dict[str, float], step: int) -> None:
    """Log metrics at a number of optimisation steps."""
    for logger in loggers:
        logger.log_metrics(metrics, step)


def flush(loggers: Iterable[Logger]) -> None:
    """Write what was logged into the files; before a checkpoint, since a resumed run does not log it again."""
    for logger in loggers:
        logger.save()


def log_results(
    loggers: Iterable[Logger], settings: dict[str, Any], metrics: Mapping[str, float | int | str], step: int
) -> None:
    """Log the metrics of the chosen epoch, in TensorBoard as a row of its HPARAMS table, and close the loggers.

    Its validation metrics have names of their own: in those of the curves they would go back to an earlier step, and
    TensorBoard shows no point after it.

    Args:
        loggers: the loggers of the run.
        settings: the configuration by dotted key.
        metrics: the metrics of the run.
        step: the optimisation steps of the run.
    """
    of_test = {name: float(value) for name, value in metrics.items() if name.startswith("test/")}
    of_validation = {f"{CHOSEN}/{name}": float(value) for name, value in metrics.items() if name.startswith("val/")}
    row = {**of_test, **of_validation}
    for logger in loggers:
        if isinstance(logger, TensorBoardLogger):
            logger.log_hyperparams(settings, row, step)
        else:
            logger.log_metrics(row, step)
        logger.finalize("success")
