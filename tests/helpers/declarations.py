"""Every attribute that the parts of `conf/` declare, with the measurement of what it says."""

from collections.abc import Callable, Mapping
from typing import Any, get_args, get_type_hints

from hydra.utils import get_object

from helpers import measured_latents, measured_likelihoods, measured_networks, measured_objectives, parts
from vae_lab.configuration.choices import targets
from vae_lab.configuration.declarations import declaration
from vae_lab.likelihoods.likelihood import Likelihood
from vae_lab.models.hierarchy import Hierarchy
from vae_lab.networks.architecture import Architecture
from vae_lab.objectives.objective import Objective
from vae_lab.posteriors.posterior import Posterior
from vae_lab.priors.prior import Prior

# By config group, and within it by attribute: from the name of a choice to what it does.
MEASURES: Mapping[str, Mapping[str, Callable[[str], Any]]] = {
    "likelihood": measured_likelihoods.MEASURES,
    "posterior": measured_latents.POSTERIOR_MEASURES,
    "prior": measured_latents.PRIOR_MEASURES,
    "model": measured_networks.MEASURES,
    "objective": measured_objectives.MEASURES,
}

# What a compiler says is measured where all parts are compiled, in `test_contract.test_compiled_equals_eager`, and
# whether a loss compares epochs in `test_epoch_choice.test_the_loss_on_validation_images_is_a_metric`.
MEASURED_ELSEWHERE = {"uncompilable", "compares_epochs"}

BASES: Mapping[str, tuple[type, ...]] = {
    "likelihood": (Likelihood,),
    "posterior": (Posterior,),
    "prior": (Prior,),
    "model": (Architecture, Hierarchy),
    "objective": (Objective,),
}

# One case for each attribute of each choice.
CASES = [
    (group, attribute, name)
    for group, measures in MEASURES.items()
    for attribute in measures
    for name in parts.names(group)
]


def class_of(group: str, name: str) -> type:
    """The class of a choice."""
    found: type = get_object(targets(group)[name])
    return found


def said(group: str, attribute: str, name: str) -> Any:
    """What a choice says of itself: its class, or where options decide, what was built of it."""
    if attribute == "params_per_value":
        return parts.likelihood(name, parts.IMAGE_SHAPE).params_per_value
    return getattr(class_of(group, name), attribute, False)  # a model says only what its kind of model can be


def assert_true(group: str, attribute: str, name: str) -> None:
    """Compare what a choice says of itself with what it does."""
    claim, found = said(group, attribute, name), MEASURES[group][attribute](name)
    assert found == claim, f"{group}={name} says {attribute} = {claim!r}, but as measured it is {found!r}"


def a_lie(group: str, attribute: str, name: str) -> Any:
    """Another value of an attribute than the one that a choice states."""
    claim = said(group, attribute, name)
    if isinstance(claim, bool):
        return not claim
    if isinstance(claim, int):
        return claim + 1
    (annotation,) = get_args(get_type_hints(BASES[group][0])[attribute])
    return next(value for value in get_args(annotation) if value != claim)


def one_for_each_claim() -> list[tuple[str, str, str]]:
    """For each attribute, the first choice of each value that is stated."""
    first: dict[tuple[str, str, Any], str] = {}
    for group, attribute, name in CASES:
        # As text: a class that leaves something out fails its own tests, and not the collection of all.
        first.setdefault((group, attribute, declaration(targets(group)[name], attribute)), name)
    return [(group, attribute, name) for (group, attribute, _), name in first.items()]
