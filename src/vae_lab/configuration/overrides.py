"""Find mistyped overrides, name by name, before the configuration is composed."""

from collections.abc import Sequence
from typing import Any

from hydra import compose
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, IntervalSweep, Override, RangeSweep
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf

from vae_lab.configuration.costs import check_jobs, num_values
from vae_lab.configuration.flat import flatten
from vae_lab.configuration.hydra_errors import as_line
from vae_lab.errors import UserError, nearest, show

SEARCH_PATH = "hydra.searchpath"


def compose_checked(config_name: str, arguments: Sequence[str]) -> DictConfig:
    """Compose the configuration of a job; see `compose_with_hydra`."""
    return without_hydra(compose_with_hydra(config_name, arguments))


def compose_with_hydra(config_name: str, arguments: Sequence[str]) -> DictConfig:
    """Compose a configuration with Hydra's own part; of a sweep, with the first value of every sweep.

    Hydra must have been initialised with the folder of the configuration.

    Raises:
        UserError: one line for an override that does not parse, an unknown choice or an unknown key.
    """
    overrides = parse(arguments)
    if any(override.is_sweep_override() for override in overrides):
        check_names(config_name, [override for override in overrides if composable(override)])
    try:
        config = compose(config_name, [with_first_value(override) for override in overrides], return_hydra_config=True)
    except (HydraException, ValueError) as error:
        check_names(config_name, [override for override in overrides if composable(override)])
        # The names are known, so the mistake is another: Hydra's complaint, as one line.
        raise UserError(as_line(error)) from error
    return config


def without_hydra(config: DictConfig) -> DictConfig:
    """Return a configuration without Hydra's own part, as a job sees it."""
    return OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"])


def check_names(config_name: str, overrides: Sequence[Override]) -> None:
    """Find an override that names an unknown choice or key, and say what it may have meant."""
    loader = GlobalHydra.instance().config_loader()
    choices = [with_first_value(override) for override in overrides if override.key_or_group == SEARCH_PATH]
    groups = groups_of(config_name, choices[:1])
    keys: list[Override] = []
    for override in overrides:
        options = loader.get_group_options(override.key_or_group, config_name=config_name, overrides=choices[:1])
        if not options:
            keys.append(override)
        elif override.key_or_group not in groups and not override.is_add():
            raise UserError(
                f"{override.input_line}: this command has no choice of '{override.key_or_group}'; "
                f"{nearest(override.key_or_group, groups)}"
            )
        elif not override.is_delete():
            check_choice(override, options)
            choices.append(with_first_value(override))
    names = known_names(compose(config_name, choices))
    for override in keys:
        name = override.key_or_group
        if name not in [*names, SEARCH_PATH] and not override.is_add() and not override.is_force_add():
            hint = owners(name) or suggest(name, [*names, *groups])
            raise UserError(f"{override.input_line}: there is no option '{name}'; {hint}")


def groups_of(config_name: str, choices: Sequence[str]) -> list[str]:
    """Return the groups that a command chooses from; others in the same folder belong to other commands."""
    config = compose(config_name, list(choices), return_hydra_config=True)
    known = {*config.hydra.runtime.choices, *config} - {"hydra"}  # Hydra does not record a choice of several at once
    return [group for group in GlobalHydra.instance().config_loader().list_groups("") if group in known]


def parse(arguments: Sequence[str]) -> list[Override]:
    """Parse the overrides of a command line.

    Raises:
        UserError: one line for an override that does not parse.
    """
    hydra = GlobalHydra.instance()
    parser = OverridesParser.create(hydra.config_loader() if hydra.is_initialized() else None)
    overrides = []
    for argument in arguments:
        try:
            override = parser.parse_override(argument)
        except HydraException as error:
            raise UserError(
                f"{argument}: expected KEY=VALUE as Hydra reads it ({str(error).splitlines()[0]}); "
                "put a value with special characters between quotes, as in \"KEY='VALUE'\""
            ) from error
        override.config_loader = parser.config_loader  # glob(...) asks it for the names
        overrides.append(override)
    return overrides


def refuse_sweep(config_name: str, arguments: Sequence[str]) -> None:
    """Refuse several values for one key, where there is no sweep.

    Args:
        config_name: the YAML of the command's defaults; `train` alone has sweeps.
        arguments: the overrides of the command line.

    Raises:
        UserError: one line with the ways out.
    """
    for override in parse(arguments):
        if not override.is_sweep_override():
            continue
        key, swept = override.key_or_group, override.value()
        value = str(override.input_line).partition("=")[2]
        ways_out = (
            [f"start a sweep of them: python -m vae_lab.train -m {key}={value}"] if config_name == "train" else []
        )
        if isinstance(swept, ChoiceSweep) and swept.simple_form:  # A,B
            ways_out.append(f"for one value with commas write {key}=[{value}] (a list) or \"{key}='{value}'\" (a text)")
        raise UserError(f"{override.input_line}: these are several values; {', or '.join(ways_out) or 'give one'}")


def composable(override: Override) -> bool:
    """Return whether an override is about the job; Hydra checks its own, except where to look for files."""
    return not override.key_or_group.startswith("hydra") or override.key_or_group == SEARCH_PATH


def check_choice(override: Override, options: Sequence[str]) -> None:
    """Check the name that a group is set to, or each name that it sweeps over."""
    for value in values(override):
        for name in value if isinstance(value, list) else [value]:
            if name is None or str(name) not in options:
                hint = nearest(str(name), options)
                raise UserError(f"{override.input_line}: there is no {override.key_or_group} '{show(name)}'; {hint}")


def values(override: Override) -> list[Any]:
    """Return the value of an override, or all values of its sweep."""
    check_jobs([override])
    return list(override.sweep_iterator()) if override.is_discrete_sweep() else [override.value()]


def with_first_value(override: Override) -> str:
    """Return the override as text, with the first value only where it is a sweep.

    Raises:
        UserError: where there is no first value.
    """
    if not override.is_sweep_override():
        return override.input_line or ""
    swept = override.value()
    if isinstance(swept, IntervalSweep) or (isinstance(swept, RangeSweep) and num_values(override) > 0):
        first: Any = swept.start
    else:
        try:
            first = next(override.sweep_string_iterator())
        except (StopIteration, ValueError, HydraException):
            raise UserError(f"{override.input_line}: it has no values to sweep over") from None
    return f"{override.get_key_element()}={first}"


def known_names(config: DictConfig) -> list[str]:
    """Return every dotted key, of leaves and of the nodes above them."""
    plain = OmegaConf.to_container(config, resolve=False)
    assert isinstance(plain, dict)
    leaves = flatten(plain)
    nodes = {key.rsplit(".", depth)[0] for key in leaves for depth in range(1, key.count(".") + 1)}
    return [*leaves, *sorted(nodes)]


def owners(name: str) -> str:
    """Return the choices of a key's group that have such a key, as a hint; empty if none has."""
    group, _, key = name.rpartition(".")
    loader = GlobalHydra.instance().config_loader()
    having = []
    for choice in loader.get_group_options(group) if group else []:
        found = loader.repository.load_config(f"{group}/{choice}")  # type: ignore[attr-defined]
        if found is not None and OmegaConf.is_dict(found.config) and key in found.config:
            having.append(f"{group}={choice}")
    return f"these have it: {', '.join(having[:4])}; add one of them" if having else ""


def suggest(name: str, names: Sequence[str]) -> str:
    """Return a hint with the nearest known name; for a bare last part, with the key that ends with it."""
    for known in names:
        if known.endswith(f".{name}"):
            return f"did you mean '{known}'?"
    last = name.rpartition(".")[2]
    siblings = [known for known in names if known.rpartition(".")[0] == name.rpartition(".")[0]]
    hint = nearest(name, names)
    return hint if hint.startswith("did") else nearest(last, [known.rpartition(".")[2] for known in siblings])
