"""What is recorded of a run: its configuration, as Hydra would write it, and what happened to it (`run.json`).

A record changes only when what it says is true: the configuration of a finished run says how long it was trained, and
a larger number of epochs is written there with the metrics of that training.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from vae_lab.configuration.data_paths import with_absolute_paths
from vae_lab.configuration.processes import is_first
from vae_lab.errors import UserError, show
from vae_lab.runs.files import read_json
from vae_lab.runs.fingerprint import fingerprint
from vae_lab.runs.folder import RunFolder
from vae_lab.runs.metrics import read_metrics

# What may be changed in a run that diverged, to go on from its last good state.
AFTER_DIVERGENCE = ("optimizer.lr", "trainer.gradient_clip_val")


@dataclass(frozen=True)
class RunRecord:
    """What is known of a run beside its configuration.

    Attributes:
        max_epochs: the `trainer.max_epochs` that the run is trained for, from the moment when training begins.
        settings: the fingerprints of the settings that its checkpoints may have been trained with, the latest last.
        changes: what was changed after the run had diverged, each as a sentence.
        diverged: why it diverged; empty if it did not.
        data: the fingerprint of the data that it is trained on; None before training begins, and in older runs.
    """

    max_epochs: int = 0
    settings: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()
    diverged: str = ""
    data: Mapping[str, Any] | None = None


def read_record(folder: RunFolder) -> RunRecord:
    """Read the record of a run; empty if there is none, as in runs of version 0.2 and earlier.

    Raises:
        UserError: one line with the file, if it is damaged.
    """
    if not folder.run_record.is_file():
        return RunRecord()
    known: dict[str, Any] = read_json(folder.run_record)
    try:
        return RunRecord(
            max_epochs=int(known.get("max_epochs", 0)),
            settings=tuple(map(str, known.get("settings", ()))),
            changes=tuple(map(str, known.get("changes", ()))),
            diverged=str(known.get("diverged", "")),
            data=None if known.get("data") is None else dict(known["data"]),
        )
    except (TypeError, ValueError, OverflowError) as error:
        raise UserError(f"{folder.run_record}: this file is damaged ({error}); restore it from a copy") from error


def class_names_of(folder: RunFolder) -> dict[int, str]:
    """Return the recorded names of the classes of a run by their labels; empty if its data set has labels only.

    Raises:
        UserError: one line with the file, if it is damaged.
    """
    known = (read_record(folder).data or {}).get("class_names", {})
    try:
        return {int(label): str(name) for label, name in known.items()}
    except (AttributeError, ValueError) as error:
        raise UserError(f"{folder.run_record}: this file is damaged ({error}); restore it from a copy") from error


def write_record(folder: RunFolder, record: RunRecord) -> None:
    """Write the record of a run."""
    folder.write_json(folder.run_record, asdict(record))


def record_start(folder: RunFolder, config: DictConfig) -> None:
    """Write the configuration of a new run, as Hydra would, with all values resolved.

    Hydra itself does not write it (`hydra.output_subdir: null`): it would write before the configuration can be
    compared with that of another run in the same folder, and would replace it.
    """
    hydra: Any = HydraConfig.instance().cfg
    recorded = as_recorded(config)
    write_record(folder, RunRecord(settings=(fingerprint(recorded),)))
    folder.save_yaml(folder.hydra_config, hydra)
    folder.save_yaml(folder.overrides, hydra.hydra.overrides.task)
    folder.save_yaml(folder.config, recorded)


def as_recorded(config: DictConfig) -> DictConfig:
    """Return a configuration as it is recorded: its values resolved, and nothing about how it was started.

    Paths of data are absolute, so that they are found from any working directory.
    """
    recorded = OmegaConf.create(OmegaConf.to_container(config, resolve=True))
    assert isinstance(recorded, DictConfig)
    recorded.update({"resume": None, "overwrite": False, "allow": [], "allow_other_data": False})
    return with_absolute_paths(recorded, Path.cwd())


def record_training(
    folder: RunFolder, config: DictConfig, data: Mapping[str, Any] | None, other_data: str | None = None
) -> str:
    """Record what a run is trained for from now on, once its data is read and its model is built.

    Args:
        folder: the run's folder.
        config: the run's configuration; of a resumed run, with what is different from now on.
        data: the fingerprint of its data.
        other_data: how they differ from those of its training so far, or None.

    Returns:
        The fingerprint of its settings.
    """
    saved = folder.read_saved_config() if folder.config.is_file() else as_recorded(config)
    record, before, changes = read_record(folder), fingerprint(saved), []
    for key in AFTER_DIVERGENCE:
        old, new = OmegaConf.select(saved, key), OmegaConf.select(config, key)
        if old != new:
            changes.append(f"{key}={show(new)} instead of {show(old)} after: {record.diverged}")
            OmegaConf.update(saved, key, new, force_add=True)
    if other_data is not None:
        changes.append(f"it was trained further on other data: {other_data}")
    if not folder.metrics.is_file():
        saved.trainer.max_epochs = config.trainer.max_epochs
    after = fingerprint(saved)
    if is_first():
        settings = tuple(dict.fromkeys([*record.settings, before, after]))
        all_changes = (*record.changes, *changes)
        write_record(folder, RunRecord(config.trainer.max_epochs, settings, all_changes, data=data))
        folder.save_yaml(folder.config, saved)
    return after


def check_settings(folder: RunFolder, checkpoint: Mapping[str, Any], path: Path) -> None:
    """Refuse a checkpoint that was trained with other settings than those that its run's folder records.

    Checkpoints of version 0.2 and earlier do not say what they were trained with.

    Args:
        folder: the run's folder.
        checkpoint: the content of the checkpoint.
        path: its file.

    Raises:
        UserError: one line with the file.
    """
    trained, recorded = checkpoint.get("settings"), fingerprint(folder.read_saved_config())
    known = read_record(folder).settings or (recorded,)
    if trained and not (trained in known and recorded in known):
        raise UserError(
            f"{path}: it was trained with other settings than those in {folder.config}, so its weights mean nothing "
            "there; put back the file that was changed, or train the run again"
        )


def record_divergence(folder: RunFolder, reason: str) -> None:
    """Record that a run diverged, so that it may be resumed with other settings."""
    if is_first():
        write_record(folder, replace(read_record(folder), diverged=reason))


def record_end(folder: RunFolder, metrics: dict[str, Any]) -> None:
    """Write the metrics of a run, which replace those of a shorter training together with its weights.

    The metrics name their checkpoint, so they and the weights change at once, and `complete` only tidies up.
    """
    if folder.next_best_checkpoint.is_file():
        metrics = {**metrics, "checkpoint": folder.next_best_checkpoint.name}
    folder.write_json(folder.metrics, metrics)
    complete(folder)


def complete(folder: RunFolder) -> None:
    """Tidy up after the metrics of a run were written, also if the process was interrupted at that moment."""
    if not folder.metrics.is_file():
        return
    metrics, saved = read_metrics(folder.metrics), folder.read_saved_config()
    if "checkpoint" in metrics:
        if folder.next_best_checkpoint.is_file():
            folder.next_best_checkpoint.replace(folder.checkpoints / "best.ckpt")
        folder.write_json(folder.metrics, {key: value for key, value in metrics.items() if key != "checkpoint"})
    if saved.trainer.max_epochs != metrics.get("max_epochs", saved.trainer.max_epochs):
        saved.trainer.max_epochs = metrics["max_epochs"]
        folder.save_yaml(folder.config, saved)
