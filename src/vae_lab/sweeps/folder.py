"""The folder of a run in a sweep: whose it is, and how far the run got."""

from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, ListConfig, OmegaConf, open_dict

from vae_lab.configuration.choices import named
from vae_lab.configuration.flat import flatten
from vae_lab.configuration.processes import is_first
from vae_lab.configuration.resume import RESUMABLE
from vae_lab.errors import UserError, show
from vae_lab.files import whole

METRICS = "metrics.json"  # its presence says that the run finished
FAILED = "failed.txt"  # its first line says why
PRUNED = "pruned.txt"  # likewise, of a trial that was stopped since it was hopeless
LAST = Path("checkpoints", "last.ckpt")
EPOCHS = "trainer.max_epochs"


def folder_of(config: DictConfig, number: int) -> Path:
    """The folder of a sweep's job.

    Args:
        config: a configuration with Hydra's own part.
        number: the job's number.
    """
    with open_dict(config):
        config.hydra.job.num = number
    return Path(config.hydra.sweep.dir, str(config.hydra.sweep.subdir))


def record(run_dir: Path, config: DictConfig) -> None:
    """Write a run's configuration into its folder, as Hydra would do it.

    Hydra itself is told not to (`hydra.output_subdir: null`): it writes before anything can be compared, and would so
    replace what is known about another run in the same folder.
    """
    if not is_first():
        return
    hydra: Any = HydraConfig.instance().cfg
    save(hydra, run_dir / ".hydra" / "hydra.yaml")
    save(hydra.hydra.overrides.task, run_dir / ".hydra" / "overrides.yaml")
    save(config, run_dir / ".hydra" / "config.yaml")


def save(config: DictConfig | ListConfig, path: Path) -> None:
    """Write a YAML, whole or not at all."""
    with whole(path) as unfinished:
        OmegaConf.save(config, unfinished)


def recorded(run_dir: Path) -> DictConfig | None:
    """The configuration of the run in a folder; None where there is none."""
    path = run_dir / ".hydra" / "config.yaml"
    if not path.is_file():
        return None
    config = OmegaConf.load(path)
    assert isinstance(config, DictConfig)
    return config


def check_same_run(run_dir: Path, config: DictConfig) -> None:
    """Refuse to go on in the folder of another run that has something to lose.

    Raises:
        UserError: where the folder holds results of a configuration that differs in what decides them.
    """
    before = recorded(run_dir)
    if before is None or not ((run_dir / METRICS).is_file() or (run_dir / LAST).is_file()):
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
    before = recorded(run_dir)
    if before is None or not (run_dir / METRICS).is_file():
        return False
    return bool(before.trainer.max_epochs == config.trainer.max_epochs)
