"""Read and check the settings of a search in `hydra.sweeper`; jobs use this module without optuna."""

from collections.abc import Sequence
from typing import Any

from hydra.core.override_parser.types import Override
from omegaconf import DictConfig, ListConfig

from vae_lab.configuration.check import check_new
from vae_lab.configuration.overrides import compose_checked, parse, with_first_value
from vae_lab.errors import UserError, show
from vae_lab.reports.quantities import quantity

# What reads and writes plain values only.
SAMPLERS = tuple(
    f"optuna.samplers.{name}"
    for name in (
        *("TPESampler", "RandomSampler", "NSGAIISampler", "NSGAIIISampler", "QMCSampler", "GPSampler", "GridSampler"),
        "BruteForceSampler",
    )
)
PRUNERS = tuple(
    f"optuna.pruners.{name}"
    for name in (
        *("MedianPruner", "PercentilePruner", "SuccessiveHalvingPruner", "HyperbandPruner", "ThresholdPruner"),
        *("NopPruner", "WilcoxonPruner"),
    )
)
STORAGES = ("sqlite:", "mysql", "postgresql")

SEARCH = "hydra_plugins.hydra_search_sweeper.sweeper.SearchSweeper"


def is_search(hydra: Any) -> bool:
    """Return whether a sweep is a search."""
    return str(hydra.sweeper["_target_"]) == SEARCH


def metrics_of(sweeper: DictConfig) -> list[str]:
    """Return the metrics that a search optimises: one, or two for their Pareto front.

    Raises:
        UserError: if there are more than two, if one is a test metric, or if the better direction is unknown.
    """
    given = sweeper.metric
    metrics = [str(name) for name in given] if isinstance(given, ListConfig) else [str(given)]
    if not 1 <= len(metrics) <= 2:
        raise UserError(f"hydra.sweeper.metric={given}: expected one metric or two, got {len(metrics)}")
    for metric in metrics:
        quantity(metric)
        if metric.startswith("test/"):
            raise UserError(
                f"hydra.sweeper.metric={metric}: choosing configurations by a test metric would bias it; "
                f"choose val/{metric.removeprefix('test/')}"
            )
    return metrics


def has_pruning(sweeper: DictConfig) -> bool:
    """Return whether trials are stopped early: there is a pruner, and one metric that every epoch has."""
    metrics = metrics_of(sweeper)
    return sweeper.pruner is not None and len(metrics) == 1 and metrics[0].startswith("val/")


def overrides_of(sweeper: DictConfig, arguments: Sequence[str]) -> list[Override]:
    """Return the overrides of a search, fixed and searched; the command line replaces those of a ready search space.

    Args:
        sweeper: the part of Hydra's configuration that holds the ready search space.
        arguments: the overrides of the command line.
    """
    ready = [f"{key}={value}" for key, value in (sweeper.params or {}).items()]
    by_key = {each.key_or_group: each for each in parse([*ready, *arguments]) if not each.is_hydra_override()}
    return list(by_key.values())


def check_harmless(sweeper: DictConfig) -> None:
    """Refuse what would execute code that lies in the database of a study, which may be a stranger's.

    Raises:
        UserError: one line with the key, its value, the reason and the way out.
    """
    for key, allowed in (("sampler", SAMPLERS), ("pruner", PRUNERS)):
        target = None if sweeper[key] is None else sweeper[key].get("_target_")
        if target is not None and target not in allowed:
            names = ", ".join(name.rpartition(".")[2] for name in allowed)
            raise UserError(
                f"hydra.sweeper.{key}._target_={target}: it is not known to read plain values only from the study's "
                f"database (CmaEsSampler, for one, executes what it finds there); choose one of {names}"
            )
    if not str(sweeper.storage).startswith(STORAGES):
        raise UserError(
            f"hydra.sweeper.storage={sweeper.storage}: only databases are read, since other storages hold objects that "
            f"execute code when they are read; begin with one of {', '.join(STORAGES)}"
        )


def check_search(config_name: str, hydra: DictConfig, arguments: Sequence[str]) -> None:
    """Check the settings of a search, and the configuration with the first value of each searched key.

    Hydra must have been initialised with the folder of the configuration.

    Args:
        config_name: the YAML of the defaults.
        hydra: Hydra's own configuration.
        arguments: the overrides of the command line.

    Raises:
        UserError: if the search cannot work; nothing is trained or written before.
    """
    sweeper = hydra.sweeper
    metrics_of(sweeper)
    for key in ("n_trials", "n_jobs"):
        if not isinstance(sweeper[key], int) or sweeper[key] < 1:
            raise UserError(f"hydra.sweeper.{key}={show(sweeper[key])}: expected a whole number of at least 1")
    for key in ("storage", "study_name"):
        if sweeper[key] is None:
            raise UserError(
                f"hydra.sweeper.{key}=null: a search finds its trials by it; keep the default or give a name"
            )
    check_harmless(sweeper)
    overrides = overrides_of(sweeper, arguments)
    searched = [override for override in overrides if override.is_sweep_override()]
    if not searched:
        raise UserError(
            "hydra/sweeper=search: there is nothing to search; choose a ready search space such as search=mlp, "
            "or give a key a range, as in 'optimizer.lr=tag(log,interval(0.0001,0.01))'"
        )
    # Imported here, since it needs optuna and the jobs import this module without it.
    from vae_lab.sweeps.search.distributions import distribution_of

    for override in searched:
        distribution_of(override)
    own = [override.input_line or "" for override in parse(arguments) if override.is_hydra_override()]
    check_new(compose_checked(config_name, [*own, *(with_first_value(override) for override in overrides)]))
