"""Which parts go together: rules over what they declare, and one matcher that finds the parts that would fit.

A rule is data (see `vae_lab.configuration.compatibility`). It speaks of properties by name: `posterior.has_density` is
what the chosen posterior declares, `posterior` the name of the choice itself, and `data.batch_size` a setting.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from vae_lab.configuration.choices import named, targets
from vae_lab.configuration.declarations import IN_WORDS, declaration
from vae_lab.errors import UserError, show

# The groups whose classes the rules look at, with their default choices, which are proposed first.
DEFAULTS = {
    "objective": "elbo",
    "posterior": "diagonal",
    "prior": "standard_normal",
    "likelihood": "bernoulli",
    "model": "mlp",
}
UNKNOWN = object()  # a property that nothing is known about: no rule applies to it
MOST_PROPOSED = 6


@dataclass(frozen=True)
class Combination:
    """The parts and settings of a run, as far as the rules look at them.

    Attributes:
        targets: the `_target_` of each group of `DEFAULTS`.
        settings: the values of other keys, by their dotted names.
        declared: what the class of a `_target_` declares under a name; None where that is unknown.
    """

    targets: Mapping[str, str]
    settings: Mapping[str, Any]
    declared: Callable[[str, str], Any] = declaration

    @classmethod
    def of(cls, config: Mapping[str, Any], declared: Callable[[str, str], Any] = declaration) -> "Combination":
        """What the rules look at in a configuration, which is given as plain containers."""
        corruption = config["corruption"]
        settings = {
            "latent_dim": config["latent_dim"],
            "condition": config["condition"],
            "compile": config["compile"],
            "corruption": corruption and named("corruption", corruption["_target_"]).partition("=")[2],
            "data.batch_size": config["data"]["batch_size"],
            "trainer.strategy": config["trainer"].get("strategy"),
            "model.norm": config["model"].get("norm"),
        }
        return cls({group: config[group]["_target_"] for group in DEFAULTS}, settings, declared)

    def value(self, prop: str) -> Any:
        """The value of a property, or `UNKNOWN`."""
        if prop in self.settings:
            return self.settings[prop]
        group, _, name = prop.partition(".")
        if group not in self.targets:
            return UNKNOWN
        if not name:
            return self.choice(group).partition("=")[2]
        found = self.declared(self.targets[group], name)
        return UNKNOWN if found is None else found

    def choice(self, group: str) -> str:
        """How a user chooses the part of a group: `group=name`."""
        return named(group, self.targets[group])

    def with_part(self, group: str, target: str) -> "Combination":
        """The same combination with another part."""
        return replace(self, targets={**self.targets, group: target})


@dataclass(frozen=True)
class Is:
    """A property has one of these values."""

    values: tuple[Any, ...]

    def __init__(self, *values: Any) -> None:
        object.__setattr__(self, "values", values)

    def holds(self, value: Any, combination: Combination) -> bool:
        return value in self.values


@dataclass(frozen=True)
class IsNot:
    """A property has none of these values."""

    values: tuple[Any, ...]

    def __init__(self, *values: Any) -> None:
        object.__setattr__(self, "values", values)

    def holds(self, value: Any, combination: Combination) -> bool:
        return value not in self.values


@dataclass(frozen=True)
class SameAs:
    """A property has the value of another one."""

    bound: str

    def holds(self, value: Any, combination: Combination) -> bool:
        return combination.value(self.bound) in (value, UNKNOWN)


@dataclass(frozen=True)
class AtLeast:
    """A number is at least another, which is given or is a property."""

    bound: int | str

    def holds(self, value: Any, combination: Combination) -> bool:
        least = combination.value(self.bound) if isinstance(self.bound, str) else self.bound
        return least is UNKNOWN or value >= least


Condition = tuple[str, Is | IsNot | SameAs | AtLeast]


@dataclass(frozen=True)
class Rule:
    """What one part requires of another part, or of a setting.

    Attributes:
        when: the condition under which the rule applies.
        requires: the condition that must hold then.
        blames: the group or setting that the message begins with.
        reason: why; `{group}` stands for a part, `{value}` for what the required property is, and `{bound}` for what it
            is compared with. The rest of the message is made from the conditions.
        remedy: a way out that cannot be found among the parts.
    """

    when: Condition
    requires: Condition
    blames: str
    reason: str
    remedy: str = ""

    def is_violated(self, combination: Combination) -> bool:
        """Whether a combination breaks the rule; one of which too little is known does not."""
        (when, applies), (required, accepted) = self.when, self.requires
        premise, value = combination.value(when), combination.value(required)
        if UNKNOWN in (premise, value):
            return False
        return applies.holds(premise, combination) and not accepted.holds(value, combination)


def check_rules(combination: Combination, rules: Sequence[Rule]) -> None:
    """Refuse a combination that breaks a rule.

    Raises:
        UserError: one line that names the part or setting, the reason, and the choices that would fit.
    """
    for rule in rules:
        if rule.is_violated(combination):
            raise UserError(message(rule, combination, rules))


def message(rule: Rule, combination: Combination, rules: Sequence[Rule]) -> str:
    """Say what a combination breaks, why, and which single changes would make it fit."""
    parts = {group: combination.choice(group) for group in combination.targets}
    blamed = parts.get(rule.blames) or f"{rule.blames}={show(combination.settings[rule.blames])}"
    prop, accepted = rule.requires
    bound = getattr(accepted, "bound", None)
    facts = {"value": combination.value(prop), "bound": combination.value(bound) if isinstance(bound, str) else bound}
    words = {**parts, **{name: IN_WORDS.get(fact, fact) for name, fact in facts.items()}}
    involved = dict.fromkeys(str(prop).partition(".")[0] for prop in (rule.requires[0], rule.when[0], bound))
    groups = [group for group in involved if group in DEFAULTS]
    groups.sort(key=lambda group: parts[group] != f"{group}={DEFAULTS[group]}")  # first what the user did not choose
    choices = [one_of(group, fitting(group, rule, combination, rules)) for group in groups]
    proposed = ", or ".join(filter(None, choices))
    ways = [rule.remedy.format(**words), f"choose {proposed}" if proposed else ""]
    return f"{blamed}: {rule.reason.format(**words)}; {', or '.join(filter(None, ways))}"


def fitting(group: str, rule: Rule, combination: Combination, rules: Sequence[Rule]) -> list[str]:
    """The choices of a group that would fit all the other parts; where none does, those that break the fewest rules.

    The default comes first, then those that are most like the present part in what they declare.
    """
    others = {
        name: combination.with_part(group, target)
        for name, target in targets(group).items()
        if target != combination.targets[group]
    }
    broken = {
        name: sum(each.is_violated(other) for each in rules)
        for name, other in others.items()
        if not rule.is_violated(other)
    }
    best = [name for name, count in broken.items() if count == min(broken.values())]
    properties = sorted({prop for prop in properties_of(rules) if prop.startswith(f"{group}.")})
    present = [combination.value(prop) for prop in properties]

    def unlikeness(name: str) -> tuple[bool, int, str]:
        values = [others[name].value(prop) for prop in properties]
        differing = sum(one != other for one, other in zip(values, present, strict=True))
        return name != DEFAULTS[group], differing, name

    return sorted(best, key=unlikeness)


def properties_of(rules: Iterable[Rule]) -> Iterator[str]:
    """The properties that rules look at."""
    for rule in rules:
        for prop, _ in (rule.when, rule.requires):
            yield prop


def one_of(group: str, names: Sequence[str]) -> str:
    """A choice, with its alternatives in brackets; nothing where there is none.

    >>> one_of("prior", ["mixture", "standard_normal", "vamp"])
    'prior=mixture (or standard_normal, vamp)'
    """
    if not names:
        return ""
    first, *others = names
    shown = [*others[: MOST_PROPOSED - 1], *(["..."] if len(others) >= MOST_PROPOSED else [])]
    return f"{group}={first}" + (f" (or {', '.join(shown)})" if shown else "")
