"""Group the jobs of a multirun that can be trained together, and reject settings that an ensemble cannot train.

This module does not import torch, so settings are rejected before that.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from omegaconf import DictConfig, OmegaConf
from pydantic import ConfigDict, PydanticUserError, TypeAdapter, ValidationError
from pydantic.errors import PydanticSchemaGenerationError

from vae_lab.configuration.signature import signature
from vae_lab.configuration.source import find
from vae_lab.errors import UserError, show

# Optimizers that update each number by its own gradients only, so that one optimizer of the stacked parameters is
# equivalent to one for each member.
ELEMENTWISE = frozenset(
    f"torch.optim.{name}"
    for name in ("Adadelta", "Adagrad", "Adam", "AdamW", "Adamax", "ASGD", "NAdam", "RAdam", "RMSprop", "Rprop", "SGD")
)
WAY_OUT = "or leave out hydra/launcher=ensemble, to train the runs one after another"


def group_jobs(configs: Sequence[DictConfig], max_members: int) -> list[list[int]]:
    """Group jobs whose configurations differ only in the seed and in numbers of the objective.

    Args:
        configs: the jobs' configurations, with Hydra's own part.
        max_members: the number of jobs in a group, at most.

    Returns:
        The numbers of the jobs of each group.
    """
    groups: dict[str, list[int]] = {}
    for job, config in enumerate(configs):
        groups.setdefault(shared_settings(config), []).append(job)
    return [jobs[first : first + max_members] for jobs in groups.values() for first in range(0, len(jobs), max_members)]


def shared_settings(config: DictConfig) -> str:
    """Return the settings that members of an ensemble share, as text: all but the seed and the objective's numbers."""
    plain = OmegaConf.to_container(OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"]))
    assert isinstance(plain, dict)
    shared = {str(key): value for key, value in plain.items() if key != "seed"}
    return json.dumps({**shared, "objective": without_numbers(shared["objective"])}, sort_keys=True)


def without_numbers(node: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of a part, and of parts inside it, without those whose type allows fractions."""
    found = find(str(node.get("_target_")))
    accepted = signature(*found) if found else None
    kept: dict[str, Any] = {}
    for key, value in node.items():
        if isinstance(value, Mapping):
            kept[key] = without_numbers({str(name): inner for name, inner in value.items()})
        elif not (isinstance(value, int | float) and accepted and takes_fractions(accepted.options.get(key))):
            kept[key] = value
    return kept


def takes_fractions(annotation: Any) -> bool:
    """Return whether an option's type allows fractions such as 0.5."""
    if annotation is None:
        return False
    try:
        TypeAdapter(annotation, config=ConfigDict(arbitrary_types_allowed=True)).validate_json("0.5", strict=True)
    except (ValidationError, PydanticUserError, PydanticSchemaGenerationError):
        return False
    return True


def check_ensemble(config: DictConfig) -> None:
    """Check that the members of an ensemble are trained as they would be separately.

    Raises:
        UserError: if a setting prevents that; one line with the fix.
    """
    trainer = config.trainer
    reasons = {
        "compile": (config.compile, bool(config.compile), "an ensemble's step is not compiled"),
        "trainer.gradient_clip_val": (
            trainer.get("gradient_clip_val"),
            trainer.get("gradient_clip_val") is not None,
            "the gradient's norm would be that of all members together",
        ),
        "trainer.precision": (
            trainer.get("precision"),
            "mixed" in str(trainer.get("precision")),
            "the members of an ensemble would share one loss scale and one autocast cache",
        ),
        "trainer.devices": (
            trainer.get("devices"),
            trainer.get("devices", 1) != 1 or trainer.get("num_nodes", 1) != 1,
            "an ensemble is trained on one device",
        ),
        "trainer.strategy": (
            trainer.get("strategy"),
            trainer.get("strategy", "auto") != "auto",
            "an ensemble is trained on one device",
        ),
        "optimizer._target_": (
            config.optimizer["_target_"],
            config.optimizer["_target_"] not in ELEMENTWISE,
            "it is not known to update each number by its own gradients only, so it might mix the members",
        ),
        "logger._target_": (
            config.logger and config.logger["_target_"],
            config.logger is not None and not config.logger["_target_"].endswith(".TensorBoardLogger"),
            "an ensemble writes one log for each member, which is tested with TensorBoard only",
        ),
    }
    for key, (value, refused, reason) in reasons.items():
        if refused:
            raise UserError(f"{key}={show(value)}: {reason}; leave it out, {WAY_OUT}")
