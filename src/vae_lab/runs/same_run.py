"""Compare a configuration with that of the run in a folder, and check whether that run finished."""

from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from vae_lab.configuration.choices import named
from vae_lab.configuration.data_paths import data_paths, same_place
from vae_lab.errors import UserError, show
from vae_lab.runs.fingerprint import ABOUT_THE_COMMAND, WITHOUT_EFFECT, flat_settings
from vae_lab.runs.folder import RunFolder
from vae_lab.runs.record import AFTER_DIVERGENCE, as_recorded, read_record

EPOCHS = "trainer.max_epochs"
CHOICE = "choose_epoch_by"  # until version 0.2 always the ELBO


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
    if before is None or not folder.has_results:
        return
    asked, trained = config.trainer.max_epochs, read_record(folder).max_epochs
    if asked != before.trainer.max_epochs and asked < trained:
        raise UserError(f"{EPOCHS}={asked}: the run in {run_dir} is being trained for {trained}; give at least as many")
    if asked > before.trainer.max_epochs and config.get("schedule") is None:  # it would have differed from the start
        before.trainer.max_epochs = asked
    check_same_settings(before, config, f"the folder {run_dir} holds a run")


def check_same_settings(before: DictConfig, config: DictConfig, holds: str) -> None:
    """Check that two configurations agree in all settings that decide the results.

    Args:
        before: the earlier configuration, as it was recorded.
        config: the new configuration.
        holds: where the earlier one was recorded, as the start of a sentence: "the folder X holds a run".

    Raises:
        UserError: if a setting differs; names the first one.
    """
    old, new, unresolved = flat_settings(before), flat_settings(as_recorded(config)), flat_settings(config)
    paths = dict(data_paths(config, Path.cwd()))
    for key in sorted(old.keys() | new.keys()):
        if key in ABOUT_THE_COMMAND or (key != EPOCHS and key.startswith(WITHOUT_EFFECT)):
            continue
        if key == CHOICE and key not in old:  # see `keep_changes`
            continue
        # Version 0.2 recorded what an interpolation says, and not what it stood for.
        same = old.get(key) in (new.get(key), unresolved.get(key))
        if not same and not (key in paths and same_place(old.get(key), new.get(key))):
            raise UserError(
                f"{format_setting(key, new)}: {holds} with {format_setting(key, old)}, and nothing in it is replaced; "
                "choose another hydra.sweep.dir, repeat the command of that sweep, or add overwrite=true"
            )


def keep_changes(run_dir: Path, config: DictConfig) -> None:
    """Give a configuration what was changed in the run of a folder after it had diverged, and the rules of its time."""
    folder = RunFolder(run_dir)
    if folder.config.is_file() and CHOICE not in folder.read_saved_config():
        OmegaConf.update(config, CHOICE, "elbo", force_add=True)
    if read_record(folder).changes:
        saved = folder.read_saved_config()
        for key in AFTER_DIVERGENCE:
            OmegaConf.update(config, key, OmegaConf.select(saved, key), force_add=True)


def format_setting(key: str, settings: dict[str, object]) -> str:
    """Return a setting as on the command line: `GROUP=CHOICE` for the class of a part, else `KEY=VALUE`."""
    value = settings.get(key)
    group, _, last = key.rpartition(".")
    return named(group, str(value)) if last == "_target_" and value else f"{key}={show(value)}"


def is_finished(run_dir: Path, config: DictConfig) -> bool:
    """Return whether the run in a folder was trained for the configured number of epochs, and tested."""
    folder = RunFolder(run_dir)
    before = folder.read_config()
    if before is None or not folder.metrics.is_file():
        return False
    return bool(before.trainer.max_epochs == config.trainer.max_epochs)
