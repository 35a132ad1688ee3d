"""What a run leaves behind: `metrics.json`, and the table that a person reads."""

import json
import os
from pathlib import Path

import torch

from vae_lab.runs.folder import RunFolder

Metrics = dict[str, float | int | str]


def read_metrics(path: Path) -> Metrics:
    """Read what `experiment.finish` wrote."""
    metrics: Metrics = json.loads(path.read_text())
    return metrics


def step_of(checkpoint: Path | None) -> int:
    """The optimisation steps behind a checkpoint, 0 without one."""
    if checkpoint is None:
        return 0
    step: int = torch.load(checkpoint, map_location="cpu", weights_only=True)["global_step"]
    return step


def table(run_dir: Path, metrics: Metrics) -> str:
    """The test figures, where the pictures are, and how to open the dashboard."""
    shown = Path(os.path.relpath(run_dir))
    rows = [
        ("ELBO", "test/elbo", "nats per image"),
        ("rate", "test/rate", "nats per image"),
        ("distortion", "test/distortion", "nats per image"),
        ("NLL", "test/nll", f"nats per image (upper bound, {metrics.get('test/nll_samples')} samples)"),
        ("NLL", "test/bits_per_dim", "bits per dimension (likewise)"),
    ]
    given = " given the class" if "condition" in metrics else ""
    if metrics.get("corruption/when") == "always":
        given += " of images seen through a corruption"
    treatment = f"binarize={metrics['data/binarize']}, dequantize={metrics['data/dequantize']}"
    lines = [f"test figures{given} of epoch {metrics['epoch']}, the best on validation ({treatment})"]
    lines += [f"  {name:<12}{metrics[key]:>10.3f}  {unit}" for name, key, unit in rows if key in metrics]
    if "test/kernel_score" in metrics:
        score = f"{metrics['test/kernel_score']:>10.5f}"
        lines.append(f"  kernel score{score}  of samples against the test images, no likelihood; lower is better")
    lines += [f"pictures     {path}" for path in sorted(RunFolder(shown).figures.glob("*.png"))]
    lines += [f"all figures  {RunFolder(shown).metrics}", f"dashboard    tensorboard --logdir {shown}"]
    return "\n".join(lines)
