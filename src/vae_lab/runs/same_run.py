"""Compare a configuration with that of the run in a folder, and check whether that run finished."""

from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from vae_lab.configuration.choices import named
from vae_lab.configuration.flat import flatten
from vae_lab.errors import UserError, show
from vae_lab.runs.folder import RunFolder
from vae_lab.runs.resume import RESUMABLE

EPOCHS = "trainer.max_epochs"


def check_same_run(run_dir: Path, config: DictConfig) -> None:
    """Check that a folder does not hold the results of another run.

    Args:
        run_dir: the folder.
        config: the configuration of the run to start there.

    Raises:
        UserError: if the folder holds results of a configuration with other results.
    """
    folder = RunFolder(run_dir)
    before = folder.read_config()
    if before is None or not (folder.metrics.is_file() or folder.last_checkpoint.is_file()):
        return
    trains_longer = config.trainer.max_epochs > before.trainer.max_epochs
    if trains_longer and config.get("schedule") is None:  # a schedule would have been different from the start
        before.trainer.max_epochs = config.trainer.max_epochs
    check_same_settings(before, config, f"the folder {run_dir} holds a run")


def check_same_settings(before: DictConfig, config: DictConfig, holds: str) -> None:
    """Check that two configurations agree in all settings that decide the results.

    Args:
        before: the earlier configuration.
        config: the new configuration.
        holds: where the earlier one was recorded, as the start of a sentence: "the folder X holds a run".

    Raises:
        UserError: if a setting differs; names the first one.
    """
    old, new = flat_settings(before), flat_settings(config)
    for key in sorted(old.keys() | new.keys()):
        if old.get(key) != new.get(key) and (key == EPOCHS or not key.startswith(RESUMABLE)):
            raise UserError(
                f"{format_setting(key, new)}: {holds} with {format_setting(key, old)}, and "
                "nothing in it is replaced; choose another hydra.sweep.dir, or repeat the command of that sweep"
            )


def format_setting(key: str, settings: dict[str, object]) -> str:
    """Return a setting as on the command line: `GROUP=CHOICE` for the class of a part, else `KEY=VALUE`."""
    value = settings.get(key)
    group, _, last = key.rpartition(".")
    return named(group, str(value)) if last == "_target_" and value else f"{key}={show(value)}"


def flat_settings(config: DictConfig) -> dict[str, object]:
    """Return the settings of a configuration by dotted key."""
    plain = OmegaConf.to_container(config, resolve=False)
    assert isinstance(plain, dict)
    return flatten(plain)


def is_finished(run_dir: Path, config: DictConfig) -> bool:
    """Return whether the run in a folder was trained for the configured number of epochs, and tested."""
    folder = RunFolder(run_dir)
    before = folder.read_config()
    if before is None or not folder.metrics.is_file():
        return False
    return bool(before.trainer.max_epochs == config.trainer.max_epochs)
