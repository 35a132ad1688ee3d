"""Check that the packages of a launcher or of a search are installed."""

from collections.abc import Sequence
from importlib.util import find_spec

from vae_lab.configuration.overrides import parse
from vae_lab.errors import UserError

WITH_EXTRA = ("ray", "submitit")  # launchers of other packages


def check_plugins(arguments: Sequence[str]) -> None:
    """Check that the package of a launcher of `conf/`, or of a search, is installed, and reject Hydra's Optuna sweeper.

    Args:
        arguments: the overrides of the command line.

    Raises:
        UserError: if a package is missing or the sweeper is rejected; names the extra to install or the other sweeper.
    """
    for override in parse(arguments):
        group, name = override.key_or_group, str(override.value())
        if (group, name) == ("hydra/sweeper", "optuna"):
            raise UserError(
                f"{group}={name}: when restarted, this sweeper repeats its trials, and it does not stop bad trials; "
                "use hydra/sweeper=search, which reads the same search spaces"
            )
        extra = name.partition("_")[0]
        if group == "launcher" and extra in WITH_EXTRA:
            package = f"hydra_plugins.hydra_{extra}_launcher"
        elif (group == "search" and override.value() is not None) or (group, name) == ("hydra/sweeper", "search"):
            extra, package = "search", "optuna"
        else:
            continue
        if not is_installed(package):
            raise UserError(f"{group}={name}: its package is not installed; pip install 'vae_lab[{extra}]'")


def is_installed(package: str) -> bool:
    """Return whether a package can be imported."""
    try:
        return find_spec(package) is not None
    except ModuleNotFoundError:  # its parent package is missing
        return False
