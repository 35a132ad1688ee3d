"""Find the settings that vary among runs, and group the runs that differ only in their seed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from vae_lab.errors import show
from vae_lab.reports.interval import Interval, interval
from vae_lab.reports.quantities import lowest_of
from vae_lab.runs.reading import Run

# Keys that cannot change a result: logging, checkpoints, and the place of the data.
WITHOUT_EFFECT = (
    "callbacks",
    "logger",
    "resume",
    "checkpoint_every_n_steps",
    "data.root",
    "trainer.log_every_n_steps",
    "trainer.enable_progress_bar",
    "trainer.enable_model_summary",
)
# The states of runs of which no configuration is known.
NOT_IN_THE_TABLE = ("not started", "unreadable")
# Groups whose choices only set other settings, which are shown themselves.
GROUPS_OF_SETTINGS = ("sweep", "search", "size", "launcher", "trainer")


@dataclass(frozen=True)
class Row:
    """A configuration, whose runs differ only in their seed.

    Attributes:
        values: the values of the varying keys.
        runs: the finished runs, one for each seed.
        others: the runs that were pruned, failed, or did not finish or start.
    """

    values: dict[str, object]
    runs: tuple[Run, ...]
    others: tuple[Run, ...]

    def interval(self, metric: str) -> Interval | None:
        """Return the mean of a metric over the seeds, with its interval; None unless every run has the metric."""
        values = [run.metrics.get(metric) for run in self.runs]
        numbers = [float(value) for value in values if isinstance(value, int | float)]
        if not numbers or len(numbers) < len(values):
            return None
        return interval(numbers)._replace(lowest=lowest_of(metric))


def varying_keys(runs: Sequence[Run]) -> list[str]:
    """Return the keys that differ among runs: config groups by their names, options by dotted keys.

    A choice such as `objective=iwae` has options of its own. They are included only if they differ among runs with the
    same choice, or were given on the command line. The same holds for all settings of an `experiment`, and of the
    systems that an experiment compares (`experiment/NAME`).
    """
    started = [run for run in runs if run.status not in NOT_IN_THE_TABLE]
    known = sorted({group for run in started for group in run.choices} - {*GROUPS_OF_SETTINGS})
    experiments = [group for group in known if group.partition("/")[0] == "experiment"]
    groups = [group for group in known if group not in experiments and not group.startswith(WITHOUT_EFFECT)]
    keys = sorted({key for run in started for key in run.settings} - {"seed"})
    keys = [key for key in keys if not key.startswith(WITHOUT_EFFECT)]
    found = [key for key in experiments if key_varies(started, key, ())]
    found += [group for group in groups if key_varies(started, group, experiments)]
    given = {key for run in started for key in run.overridden}
    found += [
        key for key in keys if key_varies(started, key, () if key in given else [*experiments, *owning_group(key)])
    ]
    return found


def owning_group(key: str) -> list[str]:
    """Return the group whose choice determines a setting, if that choice is shown; as a list of at most one."""
    group = key.partition(".")[0]
    return [] if group in GROUPS_OF_SETTINGS else [group]


def key_varies(runs: Sequence[Run], key: str, given: Iterable[str]) -> bool:
    """Return whether a key has several values among runs that agree in the choices of the given groups."""
    values: dict[str, set[str]] = {}
    for run in runs:
        values.setdefault(repr([run.choices.get(group) for group in given]), set()).add(repr(value_of(run, key)))
    return any(len(different) > 1 for different in values.values())


def value_of(run: Run, key: str) -> object:
    """Return the choice of a group, or the value of a setting, by its key."""
    return run.choices[key] if key in run.choices else run.settings.get(key)


def fold(runs: Sequence[Run], keys: Sequence[str]) -> tuple[list[Row], list[tuple[Run, Run]]]:
    """Group runs into configurations.

    Args:
        runs: the runs.
        keys: the keys that distinguish configurations.

    Returns:
        The configurations, and pairs of a run that repeats another (with the same seed) and the run that is counted.
    """
    folded: dict[str, list[Run]] = {}
    for run in runs:
        folded.setdefault(repr([value_of(run, key) for key in keys]), []).append(run)
    rows, repeated = [], []
    for same in folded.values():
        counted: dict[str, Run] = {}
        for run in same:
            seed = repr(run.seed)
            if run.status == "finished" and seed in counted:
                repeated.append((run, counted[seed]))
            elif run.status == "finished":
                counted[seed] = run
        others = tuple(run for run in same if run.status != "finished")
        rows.append(Row({key: value_of(same[0], key) for key in keys}, tuple(counted.values()), others))
    return rows, repeated


def label(values: dict[str, object]) -> str:
    """Return the keys and values of a configuration as text.

    >>> label({"latent_dim": 2, "objective": "elbo"})
    'latent_dim=2, objective=elbo'
    """
    return ", ".join(f"{key}={short_value(value)}" for key, value in values.items())


def short_value(value: object) -> str:
    """Return a value as the command line writes it; the long decimals that a search draws are rounded.

    >>> short_value(0.001), short_value(0.006979117268903481), short_value("elbo")
    ('0.001', '0.006979', 'elbo')
    """
    if isinstance(value, float) and len(str(value)) > 8:
        return f"{value:.4g}"
    return show(value)
