"""Composed configurations."""

from hydra import compose, initialize_config_dir
from omegaconf import DictConfig

from vae_lab.configuration.paths import conf_dir


def composed(*overrides: str) -> DictConfig:
    """The configuration of `python -m vae_lab.train` with the given overrides."""
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        return compose("train", list(overrides))
