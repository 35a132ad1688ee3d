"""`resume=DIR`: the command line that resumes a run in its folder, with its own configuration."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from hydra.core.override_parser.types import Override
from omegaconf import DictConfig, OmegaConf

from vae_lab.configuration.check import check
from vae_lab.configuration.overrides import parse
from vae_lab.configuration.training import length
from vae_lab.errors import UserError, show
from vae_lab.runs.fingerprint import WITHOUT_EFFECT
from vae_lab.runs.folder import RunFolder
from vae_lab.runs.record import AFTER_DIVERGENCE, RunRecord, read_record


def resume_arguments(arguments: Sequence[str], *, multirun: bool) -> list[str] | None:
    """Return the command line that resumes a run, or None if there is no `resume=DIR`.

    Args:
        arguments: the arguments of the command line.
        multirun: whether the command is a multirun.

    Raises:
        UserError: if the folder holds no run, or an override would change the run's result.
    """
    overrides = parse(arguments)
    folders = [override.value() for override in overrides if override.key_or_group == "resume"]
    if not folders or folders[-1] is None:
        return None
    if multirun:
        raise UserError(f"resume={folders[-1]}: only one run can be resumed at a time; leave out -m")
    run_dir = Path(str(folders[-1])).absolute()
    settings = RunFolder(run_dir).config
    config = RunFolder(run_dir).read_config()
    if config is None:
        raise UserError(f"resume={folders[-1]}: there is no run in this folder (no {settings})")
    others = [override for override in overrides if override.key_or_group != "resume"]
    apply(config, others, run_dir)
    check(config)
    return [
        f"--config-path={settings.parent}",
        "--config-name=config",
        f"resume={override_value(str(run_dir))}",
        f"hydra.run.dir={override_value(str(run_dir))}",
        "hydra.output_subdir=null",
        "hydra.job.name=train",
        "hydra.job_logging.formatters.simple.format='%(message)s'",
        *callbacks_of(run_dir),
        *(as_forced(override) for override in others),
        f"trainer.max_epochs={config.trainer.max_epochs}",  # more than recorded if it was interrupted when trained on
    ]


def as_forced(override: Override) -> str:
    """Return an override as text; one of a key that the run may not have had is added where it is missing."""
    text = override.input_line or ""
    return f"++{text.lstrip('+')}" if override.key_or_group in AFTER_DIVERGENCE else text


def callbacks_of(run_dir: Path) -> list[str]:
    """Return the Hydra callbacks of the run's experiment as overrides, since `config.yaml` does not contain them."""
    recorded = RunFolder(run_dir).read_hydra_config()
    if recorded is None:
        return []
    callbacks = recorded.hydra.get("callbacks") or {}
    return [
        f"+hydra.callbacks.{name}={override_value(OmegaConf.to_container(node))}" for name, node in callbacks.items()
    ]


def apply(config: DictConfig, overrides: Sequence[Override], run_dir: Path) -> None:
    """Apply the overrides that a resumed run may have to its configuration.

    Args:
        config: the configuration, which is changed.
        overrides: the overrides of the command line.
        run_dir: the run's folder.

    Raises:
        UserError: if an override would change the run's result, or if the run has finished.
    """
    record = read_record(RunFolder(run_dir))
    finished = epochs_of(config)
    config.trainer.max_epochs = before = max(config.trainer.max_epochs, record.max_epochs)
    planned = epochs_of(config)
    for override in overrides:
        check_override(override, record, run_dir)
        if not override.key_or_group.startswith("hydra"):
            OmegaConf.update(config, override.key_or_group, override.value(), force_add=override.is_add())
    given = config.trainer.max_epochs
    if not isinstance(given, int) or given < before:
        raise UserError(
            f"trainer.max_epochs={given}: expected a whole number of at least {before}, as the run has been configured"
        )
    if given > before and config.get("schedule") is not None:
        raise UserError(
            f"trainer.max_epochs={given}: the learning rate follows a schedule over all {planned} epochs, which would "
            "differ from the start in a longer run; start a new run without resume"
        )
    if RunFolder(run_dir).metrics.is_file() and epochs_of(config) == finished:
        raise UserError(
            f"resume={run_dir}: this run has finished (its metrics.json is there); "
            f"to train longer, raise trainer.max_epochs above {before}"
        )


def check_override(override: Override, record: RunRecord, run_dir: Path) -> None:
    """Refuse an override that would change the result of a run, unless the run diverged and it may help.

    Raises:
        UserError: one line with the override.
    """
    key = override.key_or_group
    if key.startswith(WITHOUT_EFFECT) or (record.diverged and key in AFTER_DIVERGENCE):
        return
    raise UserError(
        f"{override.input_line}: this would change the result of the run in {run_dir}; leave it out, "
        "or start a new run without resume"
    )


def epochs_of(config: DictConfig) -> int:
    """Return the number of epochs that a run trains."""
    return length(config.trainer, config.get("epochs_scale", 1.0))["max_epochs"]


def override_value(value: object) -> str:
    """Return a value in the syntax of Hydra's overrides.

    >>> override_value({"measure": ["nll"], "source": "Burda's, 2016", "num_images": None})
    "{measure:['nll'],source:'Burda\\\\'s, 2016',num_images:null}"
    """
    if isinstance(value, Mapping):
        return f"{{{','.join(f'{key}:{override_value(item)}' for key, item in value.items())}}}"
    if isinstance(value, list):
        return f"[{','.join(map(override_value, value))}]"
    if not isinstance(value, str):
        return show(value)
    escaped = value.replace("'", "\\'")
    return f"'{escaped}'"
