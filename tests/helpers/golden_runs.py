"""Record the golden files: `python tests/helpers/golden_runs.py`, on one thread.

A golden file holds what a small run on digits logged in its first 20 steps, and the metrics of its test. They change
only where a commit means to change a number, and that commit says why.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

GOLDEN = Path(__file__).parents[1] / "golden"
SOURCE = GOLDEN.parents[1] / "src"
RUNS = sorted(path.stem.removeprefix("golden_") for path in (GOLDEN / "conf" / "experiment").glob("*.yaml"))


def train(folder: Path) -> None:
    """Train all golden runs in one process, each into the subfolder of its number."""
    done = subprocess.run(
        [
            *(sys.executable, "-m", "vae_lab.train", "-m"),
            f"--config-dir={GOLDEN / 'conf'}",
            f"experiment={','.join(f'golden_{name}' for name in RUNS)}",
            *("data=digits", "data.batch_size=32", "latent_dim=4", "trainer=cpu", "nll_samples=10"),
            *("trainer.max_epochs=1", "+trainer.limit_train_batches=20", "trainer.log_every_n_steps=1"),
            *("callbacks.figures=null", "callbacks.progress=null"),
            f"hydra.sweep.dir={folder}",
        ],
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(SOURCE)},
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


def found(folder: Path, name: str) -> dict[str, Any]:
    """What one of these runs logged while training, step by step, and the metrics of its validation and test."""
    run = folder / str(RUNS.index(name))
    log = EventAccumulator(str(run), size_guidance={"scalars": 0})
    log.Reload()
    metrics = json.loads((run / "metrics.json").read_text())
    return {
        "train": {
            tag.removeprefix("train/"): [event.value for event in log.Scalars(tag)]
            for tag in sorted(log.Tags()["scalars"])
            if tag.startswith("train/")
        },
        "metrics": {key: metrics[key] for key in sorted(metrics) if key.startswith(("test/", "val/", "epoch"))},
    }


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        train(Path(folder))
        for name in RUNS:
            text = json.dumps(found(Path(folder), name), indent=1)
            (GOLDEN / f"{name}.json").write_text(f"{text}\n")


if __name__ == "__main__":
    main()
