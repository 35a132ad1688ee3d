"""Is what a sweep is to be started by at hand?"""

from collections.abc import Sequence
from importlib.util import find_spec

from vae_lab.configuration.overrides import parse
from vae_lab.configuration.paths import conf_dir
from vae_lab.errors import UserError


def check_launcher(arguments: Sequence[str]) -> None:
    """Refuse a launcher of `conf/` whose package is not installed.

    Args:
        arguments: the overrides of the command line.

    Raises:
        UserError: one line that names the extra to install.
    """
    for override in parse(arguments):
        name = str(override.value())
        if override.key_or_group != "launcher" or not (conf_dir() / "launcher" / f"{name}.yaml").is_file():
            continue
        extra = name.partition("_")[0]
        if not installed(f"hydra_{extra}_launcher"):
            raise UserError(f"launcher={name}: its package is not installed; pip install 'vae_lab[{extra}]'")


def installed(plugin: str) -> bool:
    """Whether a plugin of Hydra can be imported."""
    try:
        return find_spec(f"hydra_plugins.{plugin}") is not None
    except ModuleNotFoundError:  # there is not even one
        return False
