"""What varies among runs, and the runs that differ in nothing but their seed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from vae_lab.errors import show
from vae_lab.reports.interval import Interval, interval
from vae_lab.runs.reading import Run

# What cannot change a result: how a run is watched and kept, and where its data lie.
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
# Groups that only name settings together, which are shown themselves.
NAMES_ONLY = ("sweep", "search", "size", "launcher", "trainer")


@dataclass(frozen=True)
class Row:
    """A configuration: its runs differ in nothing but their seed."""

    values: dict[str, object]  # of the keys that vary
    runs: tuple[Run, ...]  # finished ones, one for each seed
    others: tuple[Run, ...]  # pruned, failed, unfinished or not started

    def interval(self, metric: str) -> Interval | None:
        """A metric over the seeds; None where no run has it, or not every one."""
        values = [run.metrics.get(metric) for run in self.runs]
        numbers = [float(value) for value in values if isinstance(value, int | float)]
        return interval(numbers) if numbers and len(numbers) == len(values) else None


def varying(runs: Sequence[Run]) -> list[str]:
    """The keys that differ among runs: config groups by their names, options by dotted keys.

    A choice such as `objective=iwae` brings options of its own: they are keys only where they differ among runs with
    the same choice, or were given by a command. So it is with all settings of an `experiment`, and of the systems that
    an experiment sets beside each other (`experiment/NAME`).
    """
    started = [run for run in runs if run.status != "not started"]
    known = sorted({group for run in started for group in run.choices} - {*NAMES_ONLY})
    experiments = [group for group in known if group.partition("/")[0] == "experiment"]
    groups = [group for group in known if group not in experiments and not group.startswith(WITHOUT_EFFECT)]
    keys = sorted({key for run in started for key in run.settings} - {"seed"})
    keys = [key for key in keys if not key.startswith(WITHOUT_EFFECT)]
    found = [key for key in experiments if differs(started, key, ())]
    found += [group for group in groups if differs(started, group, experiments)]
    given = {key for run in started for key in run.overridden}
    found += [key for key in keys if differs(started, key, () if key in given else [*experiments, *owning_group(key)])]
    return found


def owning_group(key: str) -> list[str]:
    """The group whose choice explains a setting, if its choice is shown."""
    group = key.partition(".")[0]
    return [] if group in NAMES_ONLY else [group]


def differs(runs: Sequence[Run], key: str, given: Iterable[str]) -> bool:
    """Whether a key has several values among runs that agree in the choices of the given groups."""
    values: dict[tuple[object, ...], set[str]] = {}
    for run in runs:
        values.setdefault(tuple(run.choices.get(group) for group in given), set()).add(repr(value_of(run, key)))
    return any(len(different) > 1 for different in values.values())


def value_of(run: Run, key: str) -> object:
    """The choice of a group, or the value of a setting."""
    return run.choices[key] if key in run.choices else run.settings.get(key)


def fold(runs: Sequence[Run], keys: Sequence[str]) -> tuple[list[Row], list[tuple[Run, Run]]]:
    """The configurations, and the runs that repeat another, each with the one that is counted in its place."""
    folded: dict[str, list[Run]] = {}
    for run in runs:
        folded.setdefault(repr([value_of(run, key) for key in keys]), []).append(run)
    rows, repeated = [], []
    for same in folded.values():
        counted: dict[object, Run] = {}
        for run in same:
            if run.status == "finished" and run.seed in counted:
                repeated.append((run, counted[run.seed]))
            elif run.status == "finished":
                counted[run.seed] = run
        others = tuple(run for run in same if run.status != "finished")
        rows.append(Row({key: value_of(same[0], key) for key in keys}, tuple(counted.values()), others))
    return rows, repeated


def label(values: dict[str, object]) -> str:
    """The keys and values of a configuration, for people.

    >>> label({"latent_dim": 2, "objective": "elbo"})
    'latent_dim=2, objective=elbo'
    """
    return ", ".join(f"{key}={brief(value)}" for key, value in values.items())


def brief(value: object) -> str:
    """A value as the command line writes it, but for digits that only a search gives it.

    >>> brief(0.001), brief(0.006979117268903481), brief("elbo")
    ('0.001', '0.006979', 'elbo')
    """
    if isinstance(value, float) and len(str(value)) > 8:
        return f"{value:.4g}"
    return show(value)
