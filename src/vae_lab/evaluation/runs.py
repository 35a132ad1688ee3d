"""Run one evaluation: from a checked configuration to the estimates in the runs' folders."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from vae_lab import build
from vae_lab.errors import UserError, explain_os_error, printable
from vae_lab.evaluation import record
from vae_lab.evaluation.context import device_of, evaluation_context
from vae_lab.evaluation.measure import EvaluationContext, Measure
from vae_lab.reports.configurations import label, value_of, varying_keys
from vae_lab.runs import trained
from vae_lab.runs.folder import RunFolder
from vae_lab.runs.lock import all_locked
from vae_lab.runs.reading import read_run
from vae_lab.runs.saved_data import check_data, read_data

# Entries of metrics.json that every estimate of the run repeats, because they change what it measures.
CONDITIONS = ("condition", "corruption", "corruption/when", "data/leave_out")


def evaluate_runs(config: DictConfig, folders: list[str]) -> None:
    """Measure runs, write each estimate as soon as it is known, and print a table.

    Args:
        config: a composed and checked configuration.
        folders: those of the runs.
    """
    # Before hours of work: nobody else may write there, and we can.
    unwritten: list[str] = []
    with all_locked([RunFolder(Path(folder)) for folder in folders], "evaluates"):
        estimates = [evaluate_run(config, Path(folder), unwritten) for folder in folders]
    names = [Path(folder).name for folder in folders]
    given, titles = titles_of(names if len(set(names)) == len(names) else folders, estimates)
    print(f"\nestimates{given} in nats per image, ± one standard error, of split={config.split}, seed={config.seed}")
    print(record.table(titles, estimates))
    for folder, settings in zip(folders, differences(folders), strict=True):
        print(printable(f"details      {RunFolder(Path(folder)).evaluation}{settings and f' ({settings})'}"))
    if unwritten:
        raise UserError("; ".join(unwritten))


def differences(folders: list[str]) -> list[str]:
    """Return the settings in which runs differ, as one text for each run; empty for a single run."""
    known = [read_run(folder, Path(folder)) for folder in folders]
    keys = varying_keys(known)
    return [label({key: value_of(run, key) for key in keys}) for run in known]


def evaluate_run(config: DictConfig, run_dir: Path, unwritten: list[str]) -> record.Estimates:
    """Measure one run and write its estimates; print the reason for each measure that is not defined for it.

    Args:
        config: a composed and checked configuration.
        run_dir: the run's folder.
        unwritten: collects why estimates could not be written; they are printed nevertheless.
    """
    run = trained.load(run_dir)
    data = read_data(RunFolder(run_dir), run.config)
    other_data = check_data(RunFolder(run_dir), run.config, data, allow=config.allow_other_data)
    context = evaluation_context(
        run,
        split=config.split,
        num_images=config.num_images,
        seed=config.seed,
        device=device_of(config.device),
        memory_mib=config.memory_mib,
        data=data,
    )
    about = {
        "split": config.split,
        "seed": config.seed,
        "epoch": run.metrics["epoch"],
        "binarize": context.data.treatment,
        "dequantize": context.data.dequantization,
        **{name: run.metrics[name] for name in CONDITIONS if name in run.metrics},
        **({} if other_data is None else {"other_data": other_data}),
    }
    checkpoint = record.checkpoint_of(run_dir, run.metrics["epoch"])
    earlier = record.read(run_dir).get("checkpoint", checkpoint)
    if earlier != checkpoint:
        told = f"the earlier estimates are of epoch {earlier.get('epoch')}, before it was trained further"
        print(printable(f"{run_dir}: {told}; they are replaced"))
    estimates: record.Estimates = {}
    for name in config.measure:
        measure: Measure = build.part(config.measure, name, Measure)
        reason = measure.unavailable_reason(context)
        if reason is not None:
            print(printable(f"{run_dir}: {name} is not defined: {reason}"))
            continue
        estimates[name] = measure_as_json(measure, context, about)
        for each, estimate in estimates[name].items():
            if "impossible" in estimate:
                print(printable(f"{run_dir}: {name}: {each} cannot be right: {estimate['impossible']}"))
        try:
            record.merge(run_dir, checkpoint, record.images_key(config.split, config.num_images), name, estimates[name])
        except OSError as error:
            unwritten.append(f"{explain_os_error(error)}; the estimates of {name} are above only")
    return estimates


def measure_as_json(
    measure: Measure, context: EvaluationContext, about: Mapping[str, Any]
) -> dict[str, dict[str, Any]]:
    """Return the estimates of a measure, as evaluation.json holds them."""
    return {name: record.as_json(estimate, about) for name, estimate in measure(context).items()}


def titles_of(names: Sequence[str], runs: Sequence[record.Estimates]) -> tuple[str, list[str]]:
    """Return what changes the meaning of all estimates, and the titles of the runs, with what is true of some only.

    Args:
        names: the names of the runs.
        runs: their estimates.
    """
    said = [conditions_of(of_run) for of_run in runs]
    if len(set(said)) == 1:
        return said[0], list(names)
    return "", [f"{name}{own}" for name, own in zip(names, said, strict=True)]


def conditions_of(run: record.Estimates) -> str:
    """Return what changes the meaning of a run's estimates, as the end of a title; empty if nothing does."""
    about = next((estimate for of_measure in run.values() for estimate in of_measure.values()), {})
    given = " of log p(x | class)" if "condition" in about else ""
    seen = " of images seen through a corruption" if about.get("corruption/when") == "always" else ""
    without = f" without classes {about['data/leave_out']}" if "data/leave_out" in about else ""
    return given + seen + without
