"""Mistyped overrides: checked name by name, before the configuration is composed."""

from collections.abc import Sequence
from typing import Any

from hydra import compose
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf

from vae_lab.configuration.flat import flatten
from vae_lab.errors import UserError, nearest


def compose_checked(config_name: str, arguments: Sequence[str]) -> DictConfig:
    """Compose a configuration; of a sweep, with the first value of every sweep.

    Hydra must have been initialised with the folder of the configuration.

    Raises:
        UserError: one line for an override that does not parse, an unknown choice or an unknown key.
    """
    overrides = parse(arguments)
    loader = GlobalHydra.instance().config_loader()
    search_path = [override.input_line for override in overrides if override.key_or_group == "hydra.searchpath"]
    choices: list[str] = []
    keys: list[Override] = []
    for override in overrides:
        group = override.key_or_group
        if override.is_hydra_override() or group.startswith("hydra"):
            continue
        options = loader.get_group_options(group, config_name=config_name, overrides=search_path)
        if not options:
            keys.append(override)
        elif not override.is_delete():
            check_choice(override, options)
            choices.append(with_first_value(override))
    names = known_names(composed(config_name, [*search_path, *choices]))
    groups = [name for name in loader.list_groups("") if name != "hydra"]
    for override in keys:
        name = override.key_or_group
        if name not in names and not (override.is_add() or override.is_force_add()):
            raise UserError(f"{override.input_line}: there is no option '{name}'; {suggest(name, [*names, *groups])}")
    return composed(config_name, [with_first_value(override) for override in overrides if not_hydra(override)], search_path)


def parse(arguments: Sequence[str]) -> list[Override]:
    """The overrides of a command line."""
    try:
        return list(OverridesParser.create().parse_overrides(list(arguments)))
    except HydraException as error:
        raise UserError(" ".join(str(error).split("\n")[:1])) from error


def not_hydra(override: Override) -> bool:
    return not override.key_or_group.startswith("hydra")


def check_choice(override: Override, options: Sequence[str]) -> None:
    """Check the name that a group is set to, or each name that it sweeps over."""
    for value in values(override):
        for name in value if isinstance(value, list) else [value]:
            if name is not None and str(name) not in options:
                raise UserError(
                    f"{override.input_line}: there is no {override.key_or_group} '{name}'; {nearest(str(name), options)}"
                )


def values(override: Override) -> list[Any]:
    """The value of an override, or all values of its sweep."""
    return list(override.sweep_iterator()) if override.is_discrete_sweep() else [override.value()]


def with_first_value(override: Override) -> str:
    """The override as text, of a sweep with its first value only."""
    if not override.is_sweep_override():
        return override.input_line or ""
    if not override.is_discrete_sweep():
        first: Any = override.value().start
    else:
        first = next(iter(override.sweep_string_iterator()))
    return f"{override.get_key_element()}={first}"


def composed(config_name: str, arguments: Sequence[str], search_path: Sequence[str] = ()) -> DictConfig:
    """Compose, with Hydra's complaint as one line."""
    try:
        return compose(config_name, [*search_path, *arguments])
    except HydraException as error:
        lines = [line.strip() for line in [*str(error).splitlines(), *str(error.__cause__ or "").splitlines()]]
        raise UserError("; ".join(line for line in lines if line)) from error


def known_names(config: DictConfig) -> list[str]:
    """Every dotted key, of leaves and of the nodes above them."""
    plain = OmegaConf.to_container(config, resolve=False)
    assert isinstance(plain, dict)
    leaves = flatten({str(key): value for key, value in plain.items()})
    nodes = {key.rsplit(".", depth)[0] for key in leaves for depth in range(1, key.count(".") + 1)}
    return [*leaves, *sorted(nodes)]


def suggest(name: str, names: Sequence[str]) -> str:
    """The nearest known name; of a bare last part, the key that ends with it."""
    for known in names:
        if known.endswith(f".{name}"):
            return f"did you mean '{known}'?"
    last = name.rpartition(".")[2]
    siblings = [known for known in names if known.rpartition(".")[0] == name.rpartition(".")[0]]
    hint = nearest(name, names)
    return hint if hint.startswith("did") else nearest(last, [known.rpartition(".")[2] for known in siblings])


