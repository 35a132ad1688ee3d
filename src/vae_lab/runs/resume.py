"""`resume=DIR`: the command line that resumes a run in its folder, with its own configuration."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra.core.config_store import ConfigStore
from hydra.core.override_parser.types import Override
from omegaconf import DictConfig, OmegaConf

from vae_lab.configuration import own_parts
from vae_lab.configuration.check import check, check_types
from vae_lab.configuration.costs import check_trainer_costs
from vae_lab.configuration.overrides import parse
from vae_lab.configuration.paths import conf_dir
from vae_lab.configuration.training import length
from vae_lab.errors import UserError
from vae_lab.runs.door import Entrance, knock
from vae_lab.runs.fingerprint import WITHOUT_EFFECT
from vae_lab.runs.folder import RunFolder
from vae_lab.runs.record import AFTER_DIVERGENCE, RunRecord, read_record
from vae_lab.runs.saved_yaml import mapping_at
from vae_lab.runs.trust import check_plain, check_trusted, plain_containers

# The name under which Hydra finds the configuration of the run that is resumed.
RESUMED = "resumed_run"
PLAIN_LOG = {"formatters": {"simple": {"class": "vae_lab.errors.LogFormatter", "format": "%(message)s"}}}
# Hydra's keys that may change when a run is resumed; Lightning gives them to further processes of a run.
ABOUT_THE_PROCESS = ("hydra.job.name", "hydra.output_subdir", "hydra.verbose")


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
    others = [
        each
        for override in overrides
        if override.key_or_group not in ("resume", "allow")
        for each in of_trainer(override)
    ]
    own_parts.allow(allowed(overrides))
    for override in others:  # a class that this command line names is the user's own word
        own_parts.use({override.key_or_group.rpartition(".")[2]: override.value()})
    check_types(config)
    apply(config, others, run_dir)
    check_trusted(plain_containers(config), settings)
    check(config)
    check_trainer_costs(config.trainer)
    knock(RunFolder(run_dir), config, Entrance.RESUME)
    config.resume = str(run_dir)
    own = {"run": {"dir": str(run_dir)}, "output_subdir": None, "job": {"name": "train"}, "job_logging": PLAIN_LOG}
    with_hydra = {"hydra": {**own, "callbacks": callbacks_of(run_dir)}, **plain_containers(config)}
    # Not the run's own files: Hydra would do whatever a stranger's say about itself.
    ConfigStore.instance().store(RESUMED, DictConfig(with_hydra))
    return [f"--config-name={RESUMED}", *(override.input_line or "" for override in others if is_about_hydra(override))]


def of_trainer(override: Override) -> list[Override]:
    """Return `trainer=NAME` as the keys of its devices, which may change; any other override as it is."""
    if override.key_or_group != "trainer" or not isinstance(override.value(), str):
        return [override]
    path = conf_dir() / "trainer" / f"{override.value()}.yaml"
    if not path.is_file():
        return [override]
    own = OmegaConf.to_container(OmegaConf.load(path))
    assert isinstance(own, dict)
    return parse([f"trainer.{key}={own[key]}" for key in ("accelerator", "devices", "strategy") if key in own])


def allowed(overrides: Sequence[Override]) -> list[str]:
    """Return the modules that `allow=[NAME,NAME]` names.

    Raises:
        UserError: if it is no list of names.
    """
    names: list[str] = []
    for override in overrides:
        if override.key_or_group == "allow":
            value = override.value()
            if not isinstance(value, list):
                raise UserError(f"{override.input_line}: expected a list of modules, as in allow=[my_package]")
            names += map(str, value)
    return names


def callbacks_of(run_dir: Path) -> dict[str, Any]:
    """Return the Hydra callbacks of the run's experiment, since `config.yaml` does not contain them.

    Raises:
        UserError: if one of them may not be built from a saved run.
    """
    folder = RunFolder(run_dir)
    callbacks = mapping_at(folder.read_hydra_config(), "hydra", "callbacks")
    check_plain(callbacks, folder.hydra_config)
    check_trusted(callbacks, folder.hydra_config, callbacks=True)
    return callbacks


def is_about_hydra(override: Override) -> bool:
    """Return whether an override is about Hydra itself."""
    return override.key_or_group.startswith("hydra")


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
        if not is_about_hydra(override):
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
    if key == "hydra.run.dir" and Path(str(override.value())).absolute() == run_dir:
        return
    if is_about_hydra(override) and key not in ABOUT_THE_PROCESS:
        raise UserError(f"{override.input_line}: a run is resumed in its own folder, {run_dir}; leave it out")
    if key.startswith(WITHOUT_EFFECT) or (record.diverged and key in AFTER_DIVERGENCE):
        return
    raise UserError(
        f"{override.input_line}: this would change the result of the run in {run_dir}; leave it out, "
        "or start a new run without resume"
    )


def epochs_of(config: DictConfig) -> int:
    """Return the number of epochs that a run trains."""
    return length(config.trainer, config.get("epochs_scale", 1.0))["max_epochs"]
