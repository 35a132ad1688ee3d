"""Are the plugins of Hydra at hand that a sweep is to be chosen and started by?"""

from collections.abc import Sequence
from importlib.util import find_spec

from vae_lab.configuration.overrides import parse
from vae_lab.configuration.paths import conf_dir
from vae_lab.errors import UserError


def check_plugins(arguments: Sequence[str]) -> None:
    """Refuse a launcher of `conf/`, or a search, whose package is not installed, and a sweeper that is replaced.

    Args:
        arguments: the overrides of the command line.

    Raises:
        UserError: one line that names the extra to install, or the sweeper to choose.
    """
    for override in parse(arguments):
        group, name = override.key_or_group, str(override.value())
        if (group, name) == ("hydra/sweeper", "optuna"):
            raise UserError(
                f"{group}={name}: started again, that sweeper repeats its trials, and it stops no hopeless ones; "
                "write hydra/sweeper=search, which has its samplers and its search space"
            )
        if group == "launcher" and (conf_dir() / "launcher" / f"{name}.yaml").is_file():
            extra = name.partition("_")[0]
            plugin = f"hydra_{extra}_launcher"
        elif (group == "search" and override.value() is not None) or (group, name) == ("hydra/sweeper", "search"):
            extra, plugin = "optuna", "hydra_optuna_sweeper"
        else:
            continue
        if not installed(plugin):
            raise UserError(f"{group}={name}: its package is not installed; pip install 'vae_lab[{extra}]'")


def installed(plugin: str) -> bool:
    """Whether a plugin of Hydra can be imported."""
    try:
        return find_spec(f"hydra_plugins.{plugin}") is not None
    except ModuleNotFoundError:  # there is not even one
        return False
