"""Which jobs of a multirun can be trained together, and which cannot be at all.

Free of torch: a job that cannot be is refused before it is imported.
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

# Optimizers that change each number by its own gradients alone, so that one of a stack is one of each member.
ELEMENTWISE = frozenset(
    f"torch.optim.{name}"
    for name in ("Adadelta", "Adagrad", "Adam", "AdamW", "Adamax", "ASGD", "NAdam", "RAdam", "RMSprop", "Rprop", "SGD")
)
WAY_OUT = "or leave out hydra/launcher=ensemble, to train the runs one after another"


def grouped(configs: Sequence[DictConfig], max_members: int) -> list[list[int]]:
    """The jobs by number, in groups that differ only in what the members of an ensemble may differ in.

    Args:
        configs: the jobs' configurations, with Hydra's own part.
        max_members: jobs of a group, at most.
    """
    alike: dict[str, list[int]] = {}
    for job, config in enumerate(configs):
        alike.setdefault(common(config), []).append(job)
    return [jobs[first : first + max_members] for jobs in alike.values() for first in range(0, len(jobs), max_members)]


def common(config: DictConfig) -> str:
    """What all members of an ensemble share: all but the seed and the numbers of the objective."""
    plain = OmegaConf.to_container(OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"]))
    assert isinstance(plain, dict)
    shared = {str(key): value for key, value in plain.items() if key != "seed"}
    return json.dumps({**shared, "objective": without_numbers(shared["objective"])}, sort_keys=True)


def without_numbers(node: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a part, and of parts inside it, but for the numbers that need not be whole."""
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
    """Whether an option's type has room for 1/2."""
    if annotation is None:
        return False
    try:
        TypeAdapter(annotation, config=ConfigDict(arbitrary_types_allowed=True)).validate_json("0.5", strict=True)
    except (ValidationError, PydanticUserError, PydanticSchemaGenerationError):
        return False
    return True


def check_ensemble(config: DictConfig) -> None:
    """Refuse settings under which the members of an ensemble would not be what they are alone.

    Raises:
        UserError: one line with the way out.
    """
    trainer = config.trainer
    reasons = {
        "compile": (config.compile, bool(config.compile), "an ensemble's step is not compiled"),
        "trainer.gradient_clip_val": (
            trainer.get("gradient_clip_val"),
            trainer.get("gradient_clip_val") is not None,
            "the norm of a gradient would be that of all members together",
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
            "it is not known to change each number by its own gradients alone, so it might mix the members",
        ),
        "logger._target_": (
            config.logger and config.logger["_target_"],
            config.logger is not None and not config.logger["_target_"].endswith(".TensorBoardLogger"),
            "an ensemble writes one log for each member, which is known to work with TensorBoard",
        ),
    }
    for key, (value, refused, reason) in reasons.items():
        if refused:
            raise UserError(f"{key}={show(value)}: {reason}; leave it out, {WAY_OUT}")
