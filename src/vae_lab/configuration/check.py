"""Check a composed configuration before torch is imported; a mistake becomes one line."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException
from pydantic import BaseModel, ConfigDict, PydanticUserError, TypeAdapter, ValidationError
from pydantic.errors import PydanticSchemaGenerationError
from pydantic_core import ErrorDetails

from vae_lab.configuration import own_parts
from vae_lab.configuration.choices import named
from vae_lab.configuration.compatibility import check_compatibility
from vae_lab.configuration.declarations import declaration
from vae_lab.configuration.groups import PARTS, TREATMENT_KEYS
from vae_lab.configuration.pixels import needs_a_word, resolve, resolve_dequantize, without_a_word
from vae_lab.configuration.schema import TopLevel
from vae_lab.configuration.signature import Signature, signature
from vae_lab.configuration.source import find, read
from vae_lab.configuration.training import check_trainer, length
from vae_lab.errors import UserError, nearest, show

# Hydra's own keys beside `_target_`.
HYDRA_KEYS = frozenset({"_target_", "_partial_", "_convert_", "_recursive_", "_args_"})


def check(config: DictConfig) -> None:
    """Check types and ranges, the options of every part, and the pairs that contradict each other.

    Raises:
        UserError: one line with the key, its value, the reason and the nearest valid choice.
    """
    top = check_types(config)
    check_targets("", top)
    for group, given in PARTS.items():
        node = top.get(group)
        if node is None:
            continue
        if "_target_" not in node:
            raise UserError(f"{group}: expected the name of a class; its YAML needs a line '_target_: module.Class'")
        own = {key: value for key, value in node.items() if group != "data" or key not in TREATMENT_KEYS}
        check_part(group, own, given)
    for name, node in top["callbacks"].items():
        if node is not None and not isinstance(node, Mapping):
            raise UserError(f"callbacks.{name}={show(node)}: expected a class with its options, or null")
        if node is not None:
            check_part(f"callbacks.{name}", node, frozenset())
    epochs = length(top["trainer"], top.get("epochs_scale", 1.0))["max_epochs"]
    check_trainer(top["trainer"], top["optimizer"], epochs)
    check_pixels(top["likelihood"]["_target_"], top["data"])
    check_compatibility(top)


def check_targets(path: str, node: Mapping[str, Any]) -> None:
    """Refuse a `_target_` that is no name of a class, at any depth.

    Raises:
        UserError: one line with the key.
    """
    for key, value in node.items():
        where = f"{path}.{key}".lstrip(".")
        if key == "_target_" and not (isinstance(value, str) and all(map(str.isidentifier, value.split(".")))):
            raise UserError(f"{where}={show(value)}: expected the name of a class with its module, as module.Class")
        if isinstance(value, Mapping):
            check_targets(where, value)
        for number, item in enumerate(value if isinstance(value, list) else []):
            if isinstance(item, Mapping):
                check_targets(f"{where}[{number}]", item)


def check_types(config: DictConfig) -> dict[str, Any]:
    """Check types and ranges of the top level, and return it as plain containers; see `typed`."""
    return typed(config, TopLevel)


def check_new(config: DictConfig) -> None:
    """Check the configuration of a new run, whose classes may lie in the working directory; see `check`."""
    containers = plain(config)
    own_parts.use(containers)
    own_parts.allow(map(str, containers.get("allow") or ()))
    check(config)
    if config.get("resume") is None:
        check_grey_levels(config)


def check_grey_levels(config: DictConfig) -> None:
    """Refuse a likelihood of binary pixels for photographs, unless it is said how they become binary.

    A user's own images tell what they are only when they are read. Saved runs are read as they were trained.

    Raises:
        UserError: one line with the two ways out.
    """
    data, likelihood = config.data, str(config.likelihood["_target_"])
    grey_levels = declaration(str(data["_target_"]), "grey_levels")
    support = declaration(likelihood, "support")
    if grey_levels == "kept" and support is not None:
        name = likelihood.rpartition(".")[2]
        if needs_a_word(data.binarize, resolve(data.binarize, support, name), grey_levels):
            raise without_a_word(named("data", str(data["_target_"])), name)


def typed(config: DictConfig, schema: type[BaseModel]) -> dict[str, Any]:
    """Return a configuration as plain containers, its top level checked against a schema.

    Raises:
        UserError: one line with the key, its value, the reason and the nearest valid choice.
    """
    top = plain(config)
    try:
        schema.model_validate(top, strict=True)
    except ValidationError as error:
        raise UserError(explain("", top, error.errors(), list(schema.model_fields))) from error
    return top


def plain(config: DictConfig) -> dict[str, Any]:
    """Return a configuration as plain containers, its interpolations resolved.

    Raises:
        UserError: one line with the key that has no value.
    """
    try:
        container = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
    except MissingMandatoryValue as error:
        raise UserError(f"{error.full_key}: it has no default; give it with {error.full_key}=...") from error
    except OmegaConfBaseException as error:
        raise UserError(f"{error.full_key}: {str(error).splitlines()[0]}") from error
    assert isinstance(container, dict)
    return {str(key): value for key, value in container.items()}


def check_part(path: str, node: Mapping[str, Any], given: frozenset[str]) -> None:
    """Check a node with a `_target_` against the signature of what it names, and the nodes inside it."""
    for key, value in node.items():
        if isinstance(value, Mapping) and "_target_" in value:
            check_part(f"{path}.{key}", value, frozenset())
    target = str(node["_target_"])
    found = find(target)
    if found is None:
        module, _, name = target.rpartition(".")
        source = read(module) if module else None
        if source is not None and source.find(name) is None and (source.path.name != "__init__.py" or source.names()):
            raise UserError(f"{path}._target_={target}: {module} has no such class; {nearest(name, source.names())}")
        return  # its text cannot be read, so the class itself refuses what is wrong when it is built
    accepted = signature(*found)
    if accepted is None:
        return
    for key in [key for key in node if key not in HYDRA_KEYS]:
        check_option(path, key, node[key], target, accepted, given)
    for key in sorted(accepted.required - node.keys() - given):
        raise UserError(f"{path}: {target} needs a value for '{key}'; give it with {path}.{key}=...")


def check_option(path: str, key: str, value: Any, target: str, accepted: Signature, given: frozenset[str]) -> None:
    """Check one option of a part."""
    where = f"{path}.{key}={show(value)}"
    if key in given:
        raise UserError(f"{where}: vae_lab sets this option of {target} itself; leave it out")
    if key not in accepted.options:
        if accepted.takes_any:
            return
        raise UserError(
            f"{where}: {target.rpartition('.')[2]} has no option '{key}'; "
            f"{nearest(key, accepted.options.keys() - given)}"
        )
    if isinstance(value, Mapping) and "_target_" in value:
        return
    try:
        adapter = TypeAdapter(accepted.options[key], config=ConfigDict(arbitrary_types_allowed=True))
    except (PydanticUserError, PydanticSchemaGenerationError):
        return  # a type that pydantic cannot check
    try:
        # As JSON, where a list may stand for a tuple but nothing else is converted.
        adapter.validate_json(json.dumps(value), strict=True)
    except ValidationError as error:
        raise UserError(explain(f"{path}.{key}", value, error.errors(), ())) from error


def check_pixels(likelihood: str, data: Mapping[str, Any]) -> None:
    """Refuse a treatment of the pixels that the likelihood, given by its `_target_`, cannot be used with."""
    support = declaration(likelihood, "support")
    if support is not None:
        name = likelihood.rpartition(".")[2]
        resolve(data["binarize"], support, name)
        resolve_dequantize(data["dequantize"], support, bool(declaration(likelihood, "needs_dequantizing")), name)


def explain(path: str, given: Any, errors: list[ErrorDetails], known: Sequence[str]) -> str:
    """Turn pydantic's report on the value at `path` into one line."""
    # A union reports an error for every member; members that are classes cannot be given in a YAML.
    relevant = [error for error in errors if error["type"] not in ("needs_python_object", "is_instance_of")] or errors
    first = relevant[0]
    keys, value = [], given
    for part in first["loc"]:
        if isinstance(value, Mapping):  # otherwise it is a member of a union or an item of a list
            keys.append(str(part))
            value = value.get(part)
    where = ".".join(filter(None, [path, *keys]))
    if first["type"] == "extra_forbidden":
        return f"{where}={show(value)}: there is no option '{keys[-1]}'; {nearest(keys[-1], known)}"
    if first["type"] == "missing":
        return f"{where}: it is missing; give it with {where}=..."
    choices = [choice for error in relevant for choice in literals(error)]
    reasons = [error["msg"].replace("Input should be", "it must be") for error in relevant if not literals(error)]
    if choices:
        reasons.append(f"it must be one of {', '.join(dict.fromkeys(choices))}")
    hint = nearest(str(value), choices)
    return f"{where}={show(value)}: {' or '.join(dict.fromkeys(reasons))}" + (f"; {hint}" if "did" in hint else "")


def literals(error: ErrorDetails) -> list[str]:
    """Return the choices that pydantic lists for a value that is none of them."""
    if error["type"] != "literal_error":
        return []
    return [choice.strip("'") for choice in error["ctx"]["expected"].replace(" or ", ", ").split(", ")]
