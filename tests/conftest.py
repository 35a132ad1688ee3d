"""What the tests share: composed configurations, and the real data where it is at hand."""

import os
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig

from vae_lab.configuration.paths import conf_dir


def composed(*overrides: str) -> DictConfig:
    """The configuration of `python -m vae_lab.train` with the given overrides."""
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        return compose("train", list(overrides))


@pytest.fixture(scope="session")
def mnist_root() -> Path:
    """The folder of the real MNIST; the test is skipped where there is none."""
    root = Path(os.environ.get("VAE_LAB_DATA", "data"))
    if not (root / "MNIST" / "raw").is_dir():
        pytest.skip(f"MNIST is not in {root.absolute()}; set VAE_LAB_DATA to the folder that holds MNIST/raw")
    return root
