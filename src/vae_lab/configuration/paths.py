"""Find the folder of the configuration files, and read paths as a person writes them."""

import errno
from pathlib import Path

from vae_lab.errors import UserError


def conf_dir() -> Path:
    """Return the checkout's `conf/` where the package runs from a checkout, else the copy inside the package.

    An editable install leaves a copy of `conf` in site-packages that goes stale, so the checkout comes first.
    """
    package = Path(__file__).resolve().parents[1]
    checkout = package.parents[1]
    if (checkout / "pyproject.toml").is_file() and (checkout / "conf").is_dir():
        return checkout / "conf"
    return package / "conf"


def absolute(text: str, base: Path | None = None) -> Path:
    """Return a path as an absolute one, with a home folder in the place of `~` or `~NAME`.

    Args:
        text: the path.
        base: the folder that a relative one starts from, or None for the working directory.

    Raises:
        UserError: if there is no user of that name.
    """
    try:
        return (Path.cwd() if base is None else base) / Path(text).expanduser()
    except RuntimeError as error:
        raise UserError(f"{text}: there is no home folder of that name; give the path in full, or ./{text}") from error


def exists(path: Path) -> bool:
    """Return whether there is something at a path; nothing is where a name is too long for any.

    >>> exists(Path("x" * 5000))
    False
    """
    try:
        return path.exists()
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            return False
        raise
