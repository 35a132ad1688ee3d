"""The wheel, away from the checkout."""

import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

from helpers import commands

pytestmark = pytest.mark.slow


def test_the_wheel_trains_on_digits(tmp_path: Path) -> None:
    """In an environment of its own, which sees this one's dependencies but not its editable vae_lab."""
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)],
        cwd=commands.REPOSITORY,
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    environment = tmp_path / "environment"
    venv.create(environment, with_pip=False)
    python = environment / "bin" / "python"
    site = Path(
        subprocess.run(
            [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()
    )
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*pip, str(wheel)], check=True, capture_output=True)
    # A path file adds a folder, but does not run the path files in it: the editable install stays out of sight.
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")

    script = environment / "bin" / "vae-lab-train"
    work = tmp_path / "work"
    work.mkdir()
    environ = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    where = subprocess.run(
        [python, "-c", "import vae_lab; from vae_lab.configuration.paths import conf_dir; print(conf_dir())"],
        cwd=work,
        env=environ,
        check=True,
        capture_output=True,
        text=True,
    )
    assert Path(where.stdout.strip()) == site / "vae_lab" / "conf"
    done = subprocess.run(
        [script, "data=digits", "trainer.max_epochs=1", "hydra.run.dir=run"],
        cwd=work,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert commands.metrics(work / "run")["test/elbo"] < 0
