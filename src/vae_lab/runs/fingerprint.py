"""The fingerprint of the settings that decide a run's results: it ties checkpoints to their run's configuration."""

import hashlib
import json

from omegaconf import DictConfig, OmegaConf

from vae_lab.configuration.flat import flatten

# Keys that may change in a resumed run, since they cannot change its result so far: length, devices, and output.
WITHOUT_EFFECT = (
    "trainer.max_epochs",
    "trainer.accelerator",
    "trainer.devices",
    "trainer.strategy",
    "trainer.num_nodes",
    "trainer.enable_progress_bar",
    "trainer.log_every_n_steps",
    "checkpoint_every_n_steps",
    "logger",
    "callbacks",
    "allow_other_data",
    "hydra",
)
# Keys that say how a run is started, or where its data lie, whose own fingerprint tells whether they are others.
ABOUT_THE_COMMAND = ("resume", "overwrite", "allow", "data.root")


def flat_settings(config: DictConfig) -> dict[str, object]:
    """Return the settings of a configuration by dotted key."""
    plain = OmegaConf.to_container(config, resolve=False)
    assert isinstance(plain, dict)
    return flatten(plain)


def fingerprint(config: DictConfig) -> str:
    """Return the fingerprint of the settings that decide a run's results.

    The number of epochs is one of them only if the learning rate follows a schedule over all of them.

    Args:
        config: a configuration as it is recorded, with the class names of its time.
    """
    settings = {
        key: value
        for key, value in flat_settings(config).items()
        if not key.startswith(WITHOUT_EFFECT) and key not in (*ABOUT_THE_COMMAND, "data.path")
    }
    if config.get("schedule") is not None:
        settings["trainer.max_epochs"] = config.trainer.max_epochs
    text = json.dumps(settings, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()
