"""The metrics of a finished run, with what a reader must know to compare them with others."""

from collections.abc import Mapping

from vae_lab import build
from vae_lab.configuration.pixels import has_code_length
from vae_lab.evaluation.validation_bounds import bits_per_dim
from vae_lab.runs.folder import RunFolder
from vae_lab.runs.metrics import Metrics
from vae_lab.runs.record import read_record
from vae_lab.training.run import Run
from vae_lab.training.standard_errors import standard_errors


def metrics_of(run: Run, tested: Mapping[str, float]) -> Metrics:
    """Return the metrics of a run as `metrics.json` holds them.

    Args:
        run: the run, after its test.
        tested: the metrics of the test.
    """
    config, data, module, trainer, checkpoints = run.config, run.data, run.module, run.trainer, run.checkpoints
    seconds = run.timer.time_elapsed()
    metrics: Metrics = {
        **tested,
        **standard_errors(module.test_variances, len(data.test.images)),
        **checkpoints.best_metrics,
        "epoch": checkpoints.best_epoch,
        "epoch/chosen_by": module.choice.name,
        "num_epochs": trainer.current_epoch,
        "max_epochs": config.trainer.max_epochs,
        "train_seconds": seconds,
        "images_per_second": (trainer.fit_loop.epoch_loop.total_batch_idx + 1) * data.batch_size / seconds,
        "data/binarize": data.treatment,
        "data/dequantize": data.dequantization,
    }
    if data.left_out is not None:
        metrics["data/leave_out"] = data.classes_left_out()  # no metric includes them
    if checkpoints.ensemble_size > 1:
        metrics["ensemble_size"] = checkpoints.ensemble_size  # the seconds are then those of all its members together
    if config.condition is not None:
        metrics["condition"] = config.condition  # the metrics are then of log p(x | class)
    if config.corruption is not None:
        metrics["corruption"] = config.corruption["_target_"].rpartition(".")[2]
        metrics["corruption/when"] = config.corruption.when
    if "test/nll" in metrics:
        metrics["test/nll_samples"] = config.nll_samples
    if "test/nll" in metrics and has_code_length(build.likelihood_class(config).support, data.dequantization):
        metrics["test/bits_per_dim"] = bits_per_dim(
            tested["test/nll"], data.test.images[0].numel(), dequantized=data.dequantization == "uniform"
        )
    changes = read_record(RunFolder(run.run_dir)).changes
    if changes:
        metrics["changes"] = "; ".join(changes)
    return metrics
