"""`resume=DIR`: the command line that goes on with a run, in its folder and with its own configuration."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from hydra.core.override_parser.types import Override
from omegaconf import DictConfig, OmegaConf

from vae_lab.configuration.check import check
from vae_lab.configuration.overrides import parse
from vae_lab.configuration.processes import is_first
from vae_lab.configuration.training import length
from vae_lab.errors import UserError, show
from vae_lab.runs.files import atomic_write
from vae_lab.runs.folder import RunFolder

# What may change in a resumed run, since it cannot change the result so far: how long, where, and what is shown.
RESUMABLE = (
    "trainer.max_epochs",
    "trainer.accelerator",
    "trainer.devices",
    "trainer.strategy",
    "trainer.num_nodes",
    "trainer.enable_progress_bar",
    "trainer.log_every_n_steps",
    "checkpoint_every_n_steps",
    "logger.",
    "callbacks.",
    "hydra",
)


def resume_arguments(arguments: Sequence[str], *, multirun: bool) -> list[str] | None:
    """The command line that resumes a run, or None where nothing is to be resumed.

    Raises:
        UserError: where the folder holds no run, or an override would change what the run is.
    """
    overrides = parse(arguments)
    folders = [override.value() for override in overrides if override.key_or_group == "resume"]
    if not folders or folders[-1] is None:
        return None
    if multirun:
        raise UserError(f"resume={folders[-1]}: one run is resumed at a time; leave out -m")
    run_dir = Path(str(folders[-1])).absolute()
    settings = RunFolder(run_dir).config
    config = RunFolder(run_dir).read_config()
    if config is None:
        raise UserError(f"resume={folders[-1]}: there is no run in this folder (no {settings})")
    others = [override for override in overrides if override.key_or_group != "resume"]
    planned = config.trainer.max_epochs
    apply(config, others, run_dir)
    check(config)
    if config.trainer.max_epochs > planned and is_first():
        note_epochs(settings, config.trainer.max_epochs)
    return [
        f"--config-path={settings.parent}",
        "--config-name=config",
        f"resume={written(str(run_dir))}",
        f"hydra.run.dir={written(str(run_dir))}",
        "hydra.output_subdir=null",
        "hydra.job.name=train",
        "hydra.job_logging.formatters.simple.format='%(message)s'",
        *callbacks_of(run_dir),
        *(override.input_line or "" for override in others),
    ]


def callbacks_of(run_dir: Path) -> list[str]:
    """What the run's experiment does when it ends, as overrides: Hydra's part of a configuration lies apart."""
    recorded = RunFolder(run_dir).read_hydra_config()
    if recorded is None:
        return []
    callbacks = recorded.hydra.get("callbacks") or {}
    return [f"+hydra.callbacks.{name}={written(OmegaConf.to_container(node))}" for name, node in callbacks.items()]


def apply(config: DictConfig, overrides: Sequence[Override], run_dir: Path) -> None:
    """Apply the overrides that a resumed run may have."""
    before, planned = config.trainer.max_epochs, epochs_of(config)
    for override in overrides:
        key = override.key_or_group
        if not key.startswith(RESUMABLE):
            raise UserError(
                f"{override.input_line}: it would change what the run in {run_dir} is; leave it out, "
                "or start a new run without resume"
            )
        if not key.startswith("hydra"):
            OmegaConf.update(config, key, override.value(), force_add=override.is_add())
    given = config.trainer.max_epochs
    if not isinstance(given, int) or given < before:
        raise UserError(
            f"trainer.max_epochs={given}: the run has trainer.max_epochs={before}; it can only train longer"
        )
    if given > before and config.get("schedule") is not None:
        raise UserError(
            f"trainer.max_epochs={given}: the learning rate follows a schedule over all {planned} epochs, which a "
            "longer run would have had from the start; start a new run without resume"
        )
    if RunFolder(run_dir).metrics.is_file() and epochs_of(config) == planned:
        raise UserError(
            f"resume={run_dir}: this run has finished (its metrics.json is there); "
            f"to train on, raise trainer.max_epochs above {before}"
        )


def epochs_of(config: DictConfig) -> int:
    """The epochs that a run trains."""
    return length(config.trainer, config.get("epochs_scale", 1.0))["max_epochs"]


def note_epochs(settings: Path, epochs: int) -> None:
    """Write a longer training into the run's configuration, for the next time it is resumed."""
    saved = OmegaConf.load(settings)
    OmegaConf.update(saved, "trainer.max_epochs", epochs)
    with atomic_write(settings) as unfinished:
        OmegaConf.save(saved, unfinished)


def written(value: object) -> str:
    """A value as Hydra's override grammar takes it.

    >>> written({"measure": ["nll"], "source": "Burda's, 2016", "num_images": None})
    "{measure:['nll'],source:'Burda\\\\'s, 2016',num_images:null}"
    """
    if isinstance(value, Mapping):
        return f"{{{','.join(f'{key}:{written(item)}' for key, item in value.items())}}}"
    if isinstance(value, list):
        return f"[{','.join(map(written, value))}]"
    if not isinstance(value, str):
        return show(value)
    escaped = value.replace("'", "\\'")
    return f"'{escaped}'"
