"""Find the folder of the configuration files."""

from pathlib import Path


def conf_dir() -> Path:
    """Return the checkout's `conf/` where the package runs from a checkout, else the copy inside the package.

    An editable install leaves a copy of `conf` in site-packages that goes stale, so the checkout comes first.
    """
    package = Path(__file__).resolve().parents[1]
    checkout = package.parents[1]
    if (checkout / "pyproject.toml").is_file() and (checkout / "conf").is_dir():
        return checkout / "conf"
    return package / "conf"
