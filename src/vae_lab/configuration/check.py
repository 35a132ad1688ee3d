"""Is a composed configuration sound? One line says what is not, before torch is imported."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException
from pydantic import BaseModel, ConfigDict, PydanticUserError, TypeAdapter, ValidationError
from pydantic.errors import PydanticSchemaGenerationError
from pydantic_core import ErrorDetails

from vae_lab.configuration.choices import declared
from vae_lab.configuration.declarations import check_declarations
from vae_lab.configuration.groups import PARTS, TREATMENT_KEYS
from vae_lab.configuration.needs import NEEDS, check_compiles, check_encoder, check_needs, check_stages
from vae_lab.configuration.pairs import (
    check_batch_norm,
    check_density,
    check_fitted,
    check_hierarchy,
    check_labels,
    check_latent_dim,
    check_sample_density,
    check_scoring,
    check_spaces,
    declared_use,
)
from vae_lab.configuration.pixels import resolve, resolve_dequantize
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
    top = typed(config, TopLevel)
    for group, given in PARTS.items():
        node = top.get(group)
        if node is None:
            continue
        if "_target_" not in node:
            raise UserError(f"{group}: it names no class; its YAML needs a line '_target_: module.Class'")
        own = {key: value for key, value in node.items() if group != "data" or key not in TREATMENT_KEYS}
        check_part(group, own, given)
        check_declarations(str(node["_target_"]))
    for name, node in top["callbacks"].items():
        if node is not None:
            check_part(f"callbacks.{name}", node, frozenset())
    epochs = length(top["trainer"], top.get("epochs_scale", 1.0))["max_epochs"]
    check_trainer(top["trainer"], top["optimizer"], epochs)
    check_pairs(top)


def typed(config: DictConfig, schema: type[BaseModel]) -> dict[str, Any]:
    """A configuration as plain containers, its top level checked against a schema.

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
    """A configuration as plain containers, its interpolations resolved.

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
        return  # its text is not to be had: the part itself will say what it thinks
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


def check_pairs(top: dict[str, Any]) -> None:
    """Check what only two parts together can get wrong."""
    likelihood = top["likelihood"]["_target_"]
    support = declared(likelihood, "support")
    if support is not None:
        name = likelihood.rpartition(".")[2]
        resolve(top["data"]["binarize"], support, name)
        needs_dequantizing = bool(declared(likelihood, "needs_dequantizing"))
        resolve_dequantize(top["data"]["dequantize"], support, needs_dequantizing, name)
    posterior, prior, objective = (top[group]["_target_"] for group in ("posterior", "prior", "objective"))
    targets = {group: top[group]["_target_"] for group in NEEDS}
    corrupted, strategy = top["corruption"] is not None, top["trainer"].get("strategy")
    check_encoder(targets, top["condition"], corrupted=corrupted, says=declared)
    check_stages(targets, top["condition"], strategy, corrupted=corrupted, says=declared)
    check_latent_dim(top["latent_dim"], posterior, declared(posterior, "min_latent_dim"))
    check_spaces(posterior, declared(posterior, "space"), prior, declared(prior, "space"))
    has_density = declared(posterior, "has_density")
    check_density(posterior, has_density, objective, declared(objective, "posterior_density"))
    one_pass = declared(posterior, "cheap_log_prob")
    check_sample_density(posterior, declared_use(posterior), objective, declared(objective, "sample_density"))
    scores_posteriors = declared(prior, "scores_posteriors")
    check_labels(top["condition"], prior, declared(prior, "needs_labels"), scores_posteriors)
    model = top["model"]["_target_"]
    check_hierarchy(model, declared(model, "has_own_posteriors"), posterior, prior, scores_posteriors)
    check_scoring(prior, scores_posteriors, posterior, has_density, one_pass)
    check_batch_norm(top["model"].get("norm"), prior, scores_posteriors)
    check_needs(targets, top["data"]["batch_size"], declared)
    check_compiles(top["compile"], objective, declared(objective, "uncompilable"))
    check_fitted(objective, declared(objective, "fits_prior"), prior)


def explain(path: str, given: Any, errors: list[ErrorDetails], known: Sequence[str]) -> str:
    """One line out of pydantic's report on the value at `path`."""
    # A union reports every member; an instance of a class is nothing that a YAML could give.
    told = [error for error in errors if error["type"] not in ("needs_python_object", "is_instance_of")] or errors
    first = told[0]
    keys, value = [], given
    for part in first["loc"]:
        if isinstance(value, Mapping):  # else it says which member of a union, or which item of a list
            keys.append(str(part))
            value = value.get(part)
    where = ".".join(filter(None, [path, *keys]))
    if first["type"] == "extra_forbidden":
        return f"{where}={show(value)}: there is no option '{keys[-1]}'; {nearest(keys[-1], known)}"
    if first["type"] == "missing":
        return f"{where}: it is missing; give it with {where}=..."
    choices = [choice for error in told for choice in literals(error)]
    reasons = [error["msg"].replace("Input should be", "it must be") for error in told if not literals(error)]
    if choices:
        reasons.append(f"it must be one of {', '.join(dict.fromkeys(choices))}")
    hint = nearest(str(value), choices)
    return f"{where}={show(value)}: {' or '.join(dict.fromkeys(reasons))}" + (f"; {hint}" if "did" in hint else "")


def literals(error: ErrorDetails) -> list[str]:
    """The choices that pydantic names where a value is none of them."""
    if error["type"] != "literal_error":
        return []
    return [choice.strip("'") for choice in error["ctx"]["expected"].replace(" or ", ", ").split(", ")]
