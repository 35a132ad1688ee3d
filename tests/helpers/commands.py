"""Running the commands as a person would."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).parents[2]


def run(command: str, *overrides: str, cwd: Path = REPOSITORY, **env: str) -> subprocess.CompletedProcess[str]:
    """Run `python -m vae_lab.COMMAND`."""
    return subprocess.run(
        [sys.executable, "-m", f"vae_lab.{command}", *overrides],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(REPOSITORY / "src"), str(REPOSITORY / "tests")]), **env},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


def train(*overrides: str, cwd: Path = REPOSITORY, **env: str) -> subprocess.CompletedProcess[str]:
    """Run `python -m vae_lab.train`."""
    return run("train", *overrides, cwd=cwd, **env)


def evaluate(*overrides: str, cwd: Path = REPOSITORY, **env: str) -> subprocess.CompletedProcess[str]:
    """Run `python -m vae_lab.evaluate`."""
    return run("evaluate", *overrides, cwd=cwd, **env)


def run_as_group(command: str, *overrides: str) -> subprocess.CompletedProcess[str]:
    """Run `python -m vae_lab.COMMAND` as the first of a group of processes, and wait until all of them have ended.

    None of them can outlive this unnoticed, since each holds the pipes that are read to their end.
    """
    return subprocess.run(
        [sys.executable, "-m", f"vae_lab.{command}", *overrides],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(REPOSITORY / "src"), str(REPOSITORY / "tests")])},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        start_new_session=True,
    )


LIGHT = """
import sys
from vae_lab.{command} import main
try:
    main()
except SystemExit as error:
    print(error, file=sys.stderr)
heavy = {{"torch", "lightning", "torchvision", "matplotlib", "tensorboard"}} & sys.modules.keys()
assert not heavy, heavy
"""


def light(command: str, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run a command, and see that it imports nothing heavy."""
    done = subprocess.run(
        [sys.executable, "-c", LIGHT.format(command=command), *arguments],
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done


def metrics(run_dir: Path) -> dict[str, Any]:
    """The results of a finished run."""
    figures: dict[str, Any] = json.loads((run_dir / "metrics.json").read_text())
    return figures
