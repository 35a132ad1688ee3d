"""Whether a configuration is that of the run in a folder, and how far that run got."""

from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from vae_lab.configuration.choices import named
from vae_lab.configuration.flat import flatten
from vae_lab.errors import UserError, show
from vae_lab.runs.folder import RunFolder
from vae_lab.runs.resume import RESUMABLE

EPOCHS = "trainer.max_epochs"


def check_same_run(run_dir: Path, config: DictConfig) -> None:
    """Refuse to go on in the folder of another run that has something to lose.

    Raises:
        UserError: where the folder holds results of a configuration that differs in what decides them.
    """
    folder = RunFolder(run_dir)
    before = folder.read_config()
    if before is None or not (folder.metrics.is_file() or folder.last_checkpoint.is_file()):
        return
    trains_longer = config.trainer.max_epochs > before.trainer.max_epochs
    if trains_longer and config.get("schedule") is None:  # which would have been another from the start
        before.trainer.max_epochs = config.trainer.max_epochs
    check_same_settings(before, config, f"the folder {run_dir} holds a run")


def check_same_settings(before: DictConfig, config: DictConfig, holds: str) -> None:
    """Refuse a configuration that differs from an earlier one in what decides results.

    Args:
        before: the earlier one.
        config: the new one.
        holds: what has the earlier one, and where.

    Raises:
        UserError: with the first setting that differs.
    """
    old, new = leaves(before), leaves(config)
    for key in sorted(old.keys() | new.keys()):
        if old.get(key) != new.get(key) and (key == EPOCHS or not key.startswith(RESUMABLE)):
            raise UserError(
                f"{spelled(key, new)}: {holds} with {spelled(key, old)}, and "
                "nothing in it is replaced; choose another hydra.sweep.dir, or repeat the command of that sweep"
            )


def spelled(key: str, settings: dict[str, object]) -> str:
    """A setting as the command line writes it: of a part, its choice."""
    value = settings.get(key)
    group, _, last = key.rpartition(".")
    return named(group, str(value)) if last == "_target_" and value else f"{key}={show(value)}"


def leaves(config: DictConfig) -> dict[str, object]:
    """The settings of a run by dotted key."""
    plain = OmegaConf.to_container(config, resolve=False)
    assert isinstance(plain, dict)
    return flatten(plain)


def is_finished(run_dir: Path, config: DictConfig) -> bool:
    """Whether the run in a folder has trained as long as it is to, and was tested."""
    folder = RunFolder(run_dir)
    before = folder.read_config()
    if before is None or not folder.metrics.is_file():
        return False
    return bool(before.trainer.max_epochs == config.trainer.max_epochs)
