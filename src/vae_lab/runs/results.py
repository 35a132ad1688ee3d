"""The results of a run: the step of its checkpoint, and the table on the terminal."""

import os
from pathlib import Path

from vae_lab.configuration.proposed import command
from vae_lab.errors import printable
from vae_lab.runs import declared_sizes
from vae_lab.runs.checkpoint import read_checkpoint
from vae_lab.runs.folder import RunFolder
from vae_lab.runs.metrics import Metrics
from vae_lab.runs.record import check_settings


def step_of(folder: RunFolder, checkpoint: Path | None) -> int:
    """Return the number of optimisation steps before a checkpoint of a run, 0 without a checkpoint.

    Raises:
        UserError: if the checkpoint was trained with other settings than the run's.
    """
    if checkpoint is None:
        return 0
    content = read_checkpoint(checkpoint)
    check_settings(folder, content, checkpoint)
    step: int = content["global_step"]
    return step


def classes_of(checkpoint: Path | None) -> tuple[int, ...] | None:
    """Return the classes that the model of a checkpoint is conditioned on; None without either.

    Raises:
        UserError: if the checkpoint is damaged.
    """
    return None if checkpoint is None else declared_sizes.classes_of(read_checkpoint(checkpoint), checkpoint)


def table(run_dir: Path, metrics: Metrics) -> str:
    """Return the test metrics as a table, with the paths of the pictures and the command of the dashboard."""
    shown = Path(os.path.relpath(run_dir))
    rows = [
        ("ELBO", "test/elbo", "nats per image"),
        ("rate", "test/rate", "nats per image"),
        ("distortion", "test/distortion", "nats per image"),
        ("NLL", "test/nll", f"nats per image (upper bound, {metrics.get('test/nll_samples')} samples)"),
        ("NLL", "test/bits_per_dim", "bits per dimension (upper bound)"),
    ]
    given = " given the class" if "condition" in metrics else ""
    if metrics.get("corruption/when") == "always":
        given += " of images seen through a corruption"
    treatment = f"binarize={metrics['data/binarize']}, dequantize={metrics['data/dequantize']}"
    of = f"epoch {int(metrics['epoch']) + 1} of {metrics['num_epochs']}"
    chosen_by = metrics["epoch/chosen_by"]
    rule = "the last" if chosen_by == "last" else f"the best by {chosen_by}"
    lines = [f"test metrics{given} of {of}, {rule} ({treatment})"]
    lines += [f"  {name:<12}{metrics[key]:>10.3f}  {unit}" for name, key, unit in rows if key in metrics]
    if "test/kernel_score" in metrics:
        score = f"{metrics['test/kernel_score']:>10.5f}"
        lines.append(f"  kernel score{score}  of samples against the test images, not a likelihood; lower is better")
    if "changes" in metrics:
        lines.append(f"changed      {metrics['changes']}")
    lines += [f"pictures     {path}" for path in sorted(RunFolder(shown).figures.glob("*.png"))]
    lines.append(f"all metrics  {RunFolder(shown).metrics}")
    if RunFolder(shown).matching("events.out.tfevents.*"):
        lines.append(f"dashboard    {command('tensorboard', '--logdir', str(shown))}")
    return "\n".join(map(printable, lines))
