"""One evaluation, from a checked configuration to the figures in the runs' folders."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from vae_lab import build
from vae_lab.evaluation import record
from vae_lab.evaluation.context import device_of, evaluation_context
from vae_lab.evaluation.measure import EvaluationContext, Measure
from vae_lab.evaluation.options import runs
from vae_lab.reports.configurations import label, value_of, varying
from vae_lab.runs import trained
from vae_lab.runs.folder import RunFolder
from vae_lab.runs.reading import read_run

# What metrics.json may say of a run that its other figures must say too.
CONDITIONS = ("condition", "corruption", "corruption/when", "data/leave_out")


def evaluate_runs(config: DictConfig) -> None:
    """Measure runs, write down each figure as it is known, and print a table.

    Args:
        config: a composed and checked configuration.
    """
    folders = runs(config.run)
    figures = [evaluate_run(config, Path(folder)) for folder in folders]
    names = [Path(folder).name for folder in folders]
    titles = names if len(set(names)) == len(names) else folders
    given = " of log p(x | class)" if any("condition" in of_run for of_run in about_all(figures)) else ""
    print(f"\nfigures{given} in nats per image, ± one standard error, of split={config.split}, seed={config.seed}")
    print(record.table(titles, figures))
    for folder, settings in zip(folders, differences(folders), strict=True):
        print(f"all of it    {RunFolder(Path(folder)).evaluation}{settings and f' ({settings})'}")


def differences(folders: list[str]) -> list[str]:
    """The settings by which runs differ, of each of them; empty for a single one."""
    known = [read_run(folder, Path(folder)) for folder in folders]
    keys = varying(known)
    return [label({key: value_of(run, key) for key in keys}) for run in known]


def evaluate_run(config: DictConfig, run_dir: Path) -> record.Figures:
    """The figures of one run; a measure that is not defined for it says why."""
    run = trained.load(run_dir)
    context = evaluation_context(
        run,
        split=config.split,
        num_images=config.num_images,
        seed=config.seed,
        device=device_of(config.device),
        memory_mib=config.memory_mib,
    )
    about = {
        "split": config.split,
        "seed": config.seed,
        "epoch": run.metrics["epoch"],
        "binarize": context.data.treatment,
        "dequantize": context.data.dequantization,
        **{name: run.metrics[name] for name in CONDITIONS if name in run.metrics},
    }
    checkpoint = record.checkpoint_of(run_dir, run.metrics["epoch"])
    earlier = record.read(run_dir).get("checkpoint", checkpoint)
    if earlier != checkpoint:
        print(
            f"{run_dir}: earlier figures were of epoch {earlier['epoch']} before it was trained on; they are replaced"
        )
    figures: record.Figures = {}
    for name in config.measure:
        measure: Measure = build.part(config.measure, name, Measure)
        reason = measure.unavailable_reason(context)
        if reason is not None:
            print(f"{run_dir}: {name} is not defined: {reason}")
            continue
        figures[name] = measured(measure, context, about)
        record.merge(run_dir, checkpoint, record.images_key(config.split, config.num_images), name, figures[name])
    return figures


def measured(measure: Measure, context: EvaluationContext, about: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The figures of a measure as evaluation.json holds them."""
    return {name: record.as_json(estimate, about) for name, estimate in measure(context).items()}


def about_all(figures: list[record.Figures]) -> list[Mapping[str, Any]]:
    """Every figure of every run."""
    return [figure for run in figures for of_measure in run.values() for figure in of_measure.values()]
