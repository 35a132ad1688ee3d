"""What a job of a sweep sees, in the process that runs it."""

import os
import sys
import time
from pathlib import Path

from vae_lab.sweeps.gpus import VISIBLE
from vae_lab.sweeps.processes import THREADS


def surroundings(number: int, waits_for: Path | None = None, leaves: Path | None = None) -> tuple[int, int, str, str]:
    """What a job sees."""
    assert "torch" not in sys.modules, "too late to choose a GPU"
    deadline = time.monotonic() + 120
    while waits_for is not None and not waits_for.exists():
        assert time.monotonic() < deadline, "the other process waits for this one"
        time.sleep(0.05)
    if leaves is not None:
        leaves.touch()
    return number, os.getpid(), os.environ[VISIBLE], os.environ[THREADS]
