"""Write the best configuration of a search as an experiment."""

from collections.abc import Sequence
from pathlib import Path

from hydra import compose
from omegaconf import OmegaConf
from optuna import Study
from optuna.trial import FrozenTrial, TrialState

from vae_lab.configuration.proposed import command
from vae_lab.errors import printable, show
from vae_lab.reports.configurations import label
from vae_lab.runs.fingerprint import flat_settings
from vae_lab.runs.reading import Run, read_run
from vae_lab.runs.sweep_folder import SweepFolder
from vae_lab.sweeps.search.study import FOLDER

# Groups that only set other groups, or say how jobs are chosen and started.
GROUPS_OF_SETTINGS = frozenset({"experiment", "sweep", "search", "size", "launcher"})


def write_best(study: Study, metrics: Sequence[str], sweep_dir: Path) -> str:
    """Write the best configuration into `SWEEP/experiment/best.yaml`, or those on the Pareto front of two metrics.

    Hydra must have been initialised with the folder of the configuration.

    Args:
        study: a study without running trials.
        metrics: the metrics that the search optimises.
        sweep_dir: the folder of the search.

    Returns:
        The text for the terminal.
    """
    counts = {state: sum(trial.state is state for trial in study.get_trials(deepcopy=False)) for state in TrialState}
    ended = ", ".join(
        f"{counts[state]} {name}"
        for name, state in (
            ("finished", TrialState.COMPLETE),
            ("pruned", TrialState.PRUNED),
            ("failed", TrialState.FAIL),
        )
        if counts[state]
    )
    lines = [f"search       {sum(counts.values())} trials: {ended}"]
    folder = SweepFolder(sweep_dir)
    written: set[str] = set()
    best = study.best_trials if counts[TrialState.COMPLETE] else []
    for trial in sorted(best, key=lambda trial: (trial.values, trial.number)):
        name = "best" if len(metrics) == 1 else f"front_{trial.number}"
        values = label({metric: f"{value:.6g}" for metric, value in zip(metrics, trial.values, strict=True)})
        proposed, text = as_experiment(name, trial, sweep_dir)
        title = f"Trial {trial.number} of the search in {sweep_dir}: {values}"
        comment = f"# {printable(title)}\n#   {printable(proposed)}"
        folder.write_text(folder.experiments / f"{name}.yaml", f"# @package _global_\n{comment}\n{text}")
        written.add(f"{folder.experiments.name}/{name}.yaml")
        lines += [f"{'best' if name == 'best' else 'on the front':<12} trial {trial.number}, {values}"]
        lines += [f"train it     {proposed}"]
        if len(metrics) == 1:
            break  # of several trials with the same value, the first
    for stale in folder.written() - written:
        if stale.startswith(f"{folder.experiments.name}/"):
            folder.remove(folder.path / stale)
    return "\n".join(map(printable, lines))


def as_experiment(name: str, trial: FrozenTrial, sweep_dir: Path) -> tuple[str, str]:
    """Return the command that trains a trial's configuration, and the YAML of the experiment that it names."""
    folder = sweep_dir / trial.user_attrs[FOLDER]
    choices, settings, removed = differences(read_run(folder.name, folder))
    config = OmegaConf.create({"defaults": [{f"override /{group}": choice} for group, choice in choices.items()]})
    for key, value in settings.items():
        OmegaConf.update(config, key, value, force_add=True)
    words = ["python", "-m", "vae_lab.train", f"--config-dir={sweep_dir}", f"experiment={name}"]
    return command(*words, *(f"~{key}" for key in removed)), OmegaConf.to_yaml(config)


def differences(run: Run) -> tuple[dict[str, str | None], dict[str, object], list[str]]:
    """Return how a run differs from the defaults.

    Returns:
        The choices of config groups, the settings, and the keys that the run does not have. A YAML can remove a
        callback, by null, and no other key.
    """
    default_choices = compose("train", return_hydra_config=True).hydra.runtime.choices
    differ = {group: name for group, name in run.choices.items() if group not in GROUPS_OF_SETTINGS}
    differ = {group: name for group, name in differ.items() if name != default_choices.get(group)}
    defaults = flat_settings(compose("train", [f"{group}={show(name)}" for group, name in differ.items()]))
    settings = {key: value for key, value in run.settings.items() if key not in defaults or defaults[key] != value}
    removed = []
    for key in sorted(defaults.keys() - run.settings.keys()):
        parts = key.split(".")
        parents = [".".join(parts[:depth]) for depth in range(1, len(parts))]
        if any(parent in settings for parent in parents):  # the setting replaces the whole parent
            continue
        if parts[0] == "callbacks" and not any(known.startswith(f"{parents[1]}.") for known in run.settings):
            settings[parents[1]] = None
        else:
            removed.append(key)
    return differ, settings, removed
