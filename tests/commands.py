"""Running the commands as a person would."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).parents[1]


def train(*overrides: str, cwd: Path = REPOSITORY, **env: str) -> subprocess.CompletedProcess[str]:
    """Run `python -m vae_lab.train`."""
    return subprocess.run(
        [sys.executable, "-m", "vae_lab.train", *overrides],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY / "tests"), **env},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


def metrics(run_dir: Path) -> dict[str, Any]:
    """The results of a finished run."""
    figures: dict[str, Any] = json.loads((run_dir / "metrics.json").read_text())
    return figures
