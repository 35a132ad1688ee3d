"""Are the packages at hand that a sweep is to be chosen and started by?"""

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
                "write hydra/sweeper=search, which reads the same search spaces and has samplers of its own"
            )
        if group == "launcher" and (conf_dir() / "launcher" / f"{name}.yaml").is_file():
            extra = name.partition("_")[0]
            package = f"hydra_plugins.hydra_{extra}_launcher"
        elif (group == "search" and override.value() is not None) or (group, name) == ("hydra/sweeper", "search"):
            extra, package = "search", "optuna"
        else:
            continue
        if not installed(package):
            raise UserError(f"{group}={name}: its package is not installed; pip install 'vae_lab[{extra}]'")


def installed(package: str) -> bool:
    """Whether a package can be imported."""
    try:
        return find_spec(package) is not None
    except ModuleNotFoundError:  # there is not even the one that it is part of
        return False
