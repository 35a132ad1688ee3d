"""What may be built from the configuration of a saved run, which may be a stranger's.

A configuration names classes and their arguments, and to build them is to run code: without a list of what is allowed,
a run's folder could delete a file when its model is loaded. A user's own classes need a word: `allow=[my_package]`.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from vae_lab.configuration.own_parts import is_trusted
from vae_lab.configuration.source import read
from vae_lab.errors import UserError

# The packages whose public names are parts of a run.
PARTS = (
    *("corruptions", "data", "likelihoods", "models", "networks", "objectives", "optimization", "posteriors"),
    *("priors", "training"),
)
# Those whose public names do something beside a run: Hydra's callbacks of an experiment or of a sweep.
CALLBACKS = ("experiments", "reports", "sweeps")
# Classes of other libraries that neither run code that they are given nor write where they are told to, by the group in
# which they stand: a logger, for one, writes where it is told to, except as the run's own logger.
LIBRARIES = {
    "trainer": frozenset({"lightning.pytorch.Trainer"}),
    "logger": frozenset(f"lightning.pytorch.loggers.{name}" for name in ("TensorBoardLogger", "CSVLogger")),
    "callbacks": frozenset(
        f"lightning.pytorch.callbacks.{name}"
        for name in (
            *("TQDMProgressBar", "RichProgressBar", "EarlyStopping", "LearningRateMonitor", "Timer"),
            *("ModelSummary", "RichModelSummary", "GradientAccumulationScheduler", "StochasticWeightAveraging"),
        )
    ),
    "optimizer": frozenset(
        f"torch.optim.{name}"
        for name in (
            *("ASGD", "Adadelta", "Adafactor", "Adagrad", "Adam", "AdamW", "Adamax", "LBFGS", "Muon", "NAdam"),
            *("RAdam", "RMSprop", "Rprop", "SGD", "SparseAdam"),
        )
    ),
}
# What version 0.2 and earlier left to be computed when a run is read; today values are recorded.
COMPUTED = re.compile(r"\$\{oc\.env:VAE_LAB_DATA,[^${}]*\}|\$\{oc\.select:posterior\.num_categories,\d+\}")
REFERENCE = re.compile(r"\$\{([A-Za-z_][\w.]*)\}")


def check_trusted(config: Mapping[str, Any], where: Path, *, callbacks: bool = False) -> None:
    """Refuse a saved configuration that names a class which is not known to be harmless, at any depth.

    Args:
        config: the configuration as plain containers.
        where: the file that it was read from.
        callbacks: whether it is the part with Hydra's callbacks.

    Raises:
        UserError: one line with the key, its value, the reason and the way out.
    """
    for key, value in leaves(config):
        if "_target_" in key.split("."):  # a list or a mapping in its place is no name
            check_target(key, value, where, callbacks=callbacks)


def check_plain(config: Mapping[str, Any], where: Path) -> None:
    """Refuse a saved configuration with values that would be computed, or a logger that leads outside of its folder.

    Args:
        config: the configuration as plain containers, nothing in it resolved.
        where: the file that it was read from.

    Raises:
        UserError: one line with the key, its value, the reason and the way out.
    """
    for key, value in leaves(config):
        if not isinstance(value, str):
            continue
        if "${" in value and not may_be_resolved(value, config):
            raise UserError(
                f"{where}: {key}={value}: what a saved run says is not computed; put the value itself in its place"
            )
        if key.startswith("logger.") and leads_outside(value):
            raise UserError(f"{where}: {key}={value}: this leads outside of the run's folder; give a plain name")


def plain_containers(config: DictConfig) -> dict[str, Any]:
    """Return a configuration as plain containers, nothing in it resolved."""
    plain = OmegaConf.to_container(config, resolve=False)
    assert isinstance(plain, dict)
    return {str(key): value for key, value in plain.items()}


def check_target(key: str, target: Any, where: Path, *, callbacks: bool) -> None:
    """Refuse the name of a class that a saved run may not build; see `check_trusted`."""
    group, _, rest = key.partition(".")
    known = public_names(CALLBACKS if callbacks else PARTS)
    if not callbacks and rest.count(".") <= (group == "callbacks"):  # the part itself, and not a node inside of it
        known |= LIBRARIES.get(group, frozenset())
    if isinstance(target, str) and key.endswith("_target_") and (target in known or is_trusted(target)):
        return
    package = str(target).partition(".")[0]
    raise UserError(
        f"{where}: {key}={target}: only classes of vae_lab, and some of torch and lightning, are built from a saved "
        f"run, since others may run any code; if you trust this one, add allow=[{package}]"
    )


@cache
def public_names(packages: tuple[str, ...]) -> frozenset[str]:
    """Return the dotted names of what some packages of vae_lab offer, in the package and in the module behind it."""
    sources = {package: read(f"vae_lab.{package}") for package in packages}
    return frozenset(
        f"{module}.{name}"
        for package, source in sources.items()
        if source is not None
        for name, origin in source.type_checking_imports().items()
        for module in (f"vae_lab.{package}", origin)
    )


def leaves(node: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the values of nested mappings and lists with their dotted keys."""
    if isinstance(node, Mapping):
        for key, value in node.items():
            yield from leaves(value, f"{prefix}.{key}" if prefix else str(key))
    elif isinstance(node, list):
        for number, value in enumerate(node):
            yield from leaves(value, f"{prefix}.{number}")
    else:
        yield prefix, node


def may_be_resolved(value: str, config: Mapping[str, Any]) -> bool:
    """Return whether a saved value may be computed: one of version 0.2, or a reference to a plain value."""
    reference = REFERENCE.fullmatch(value)
    if reference is None:
        return COMPUTED.fullmatch(value) is not None
    node: Any = config
    for name in reference[1].split("."):
        node = node.get(name) if isinstance(node, Mapping) else None
    return isinstance(node, str | int | float | bool) and "${" not in str(node)


def leads_outside(name: str) -> bool:
    """Return whether a logger would write outside of the folder that it is given, or read the environment."""
    return ".." in Path(name).parts or Path(name).is_absolute() or "$" in name or name.startswith("~")
