"""Mistakes in training, and in loading what was trained: each is told in one message, without a traceback."""

from pathlib import Path

import pytest

import vae_lab
from helpers import commands
from vae_lab.errors import UserError

pytestmark = pytest.mark.slow


def test_loading_what_is_no_run_is_one_message(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="expected the folder of a trained run"):
        vae_lab.load(tmp_path)


def test_a_mistake_is_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    done = commands.train("data=digits", "latent_dmi=3", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "latent_dmi=3: there is no option 'latent_dmi'; did you mean 'latent_dim'?\n"
    assert not list(tmp_path.iterdir())


def test_missing_data_are_one_line(tmp_path: Path) -> None:
    done = commands.train(
        "data=mnist",
        cwd=tmp_path,
        VAE_LAB_DATA=str(tmp_path / "nothing"),
        http_proxy="http://127.0.0.1:9",
        https_proxy="http://127.0.0.1:9",
    )
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    for part in (str(tmp_path / "nothing"), "VAE_LAB_DATA", "data=digits"):
        assert part in done.stderr


def test_a_diverging_run_says_so(tmp_path: Path) -> None:
    done = commands.train(
        "data=digits", "optimizer.lr=1e30", "trainer.log_every_n_steps=5", f"hydra.run.dir={tmp_path}"
    )
    assert done.returncode == 1
    assert "training diverged" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "metrics.json").exists()
