"""The results of a run: its last state, and the table on the terminal."""

import os
from pathlib import Path
from typing import NamedTuple

from vae_lab.configuration.proposed import command
from vae_lab.errors import printable
from vae_lab.runs.checkpoint import read_checkpoint
from vae_lab.runs.declared_sizes import classes_of
from vae_lab.runs.folder import RunFolder
from vae_lab.runs.metrics import Metrics
from vae_lab.runs.record import check_settings


class State(NamedTuple):
    """What a run must know of its last state before it is restored.

    Attributes:
        num_steps: the optimisation steps behind it.
        classes: the classes that its model is conditioned on; None if it is not.
    """

    num_steps: int
    classes: tuple[int, ...] | None


def state_of(folder: RunFolder, checkpoint: Path | None) -> State:
    """Return what a checkpoint of a run says of its state; without a checkpoint, that of a new run.

    Raises:
        UserError: if the checkpoint is damaged, or was trained with other settings than the run's.
    """
    if checkpoint is None:
        return State(0, None)
    content = read_checkpoint(checkpoint)
    check_settings(folder, content, checkpoint)
    return State(content["global_step"], classes_of(content, checkpoint))


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
