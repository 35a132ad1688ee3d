"""Common functions of the data sets that torchvision downloads: download once, verify, and report errors."""

import contextlib
import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextvars import ContextVar
from pathlib import Path

from filelock import FileLock

from vae_lab.configuration.paths import exists
from vae_lab.data.image_set import MissingDataError
from vae_lab.errors import UserError

# The end of each message, for users who cannot download.
OR_DIGITS = "or use the embedded digits with data=digits"


# Whether data sets are downloaded where they are missing.
_downloads = ContextVar("downloads", default=True)


@contextlib.contextmanager
def without_downloads() -> Iterator[None]:
    """Report a data set that is missing, instead of downloading it."""
    token = _downloads.set(False)
    try:
        yield
    finally:
        _downloads.reset(token)


def ensure_downloaded(name: str, root: Path, folder: str, files: Iterable[str], download: Callable[[], object]) -> Path:
    """Download a data set unless it exists, and return its folder.

    A lock file makes sure that it is downloaded once if several runs start together.

    Args:
        name: the name of the data set, for messages.
        root: `data.root`, the folder of all data sets.
        folder: the data set's folder in `root`, as torchvision names it.
        files: files or folders that it must contain.
        download: downloads the data set.

    Raises:
        MissingDataError: if a file does not exist afterwards.
    """
    path = root / folder
    way_out = f"set VAE_LAB_DATA to the folder that holds {folder}, {OR_DIGITS}"
    expected = [path / file for file in files]

    def complete() -> bool:
        return all(exists(file) for file in expected)

    if complete():
        return path
    if not _downloads.get():
        raise MissingDataError(f"data.root={root}: {name} is not in {path}; {way_out}")
    try:
        path.mkdir(parents=True, exist_ok=True)
        with FileLock(path / ".lock"):
            if not complete():
                # torchvision reports every mirror that it tries; one message at the end is enough.
                with contextlib.redirect_stdout(io.StringIO()):
                    download()
        if not complete():
            raise FileNotFoundError(f"the download had no {', '.join(p.name for p in expected if not p.exists())}")
    except (OSError, RuntimeError, ValueError) as error:
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise MissingDataError(
            f"data.root={root}: {name} is not in {path} and could not be downloaded ({reason[-1]}); {way_out}"
        ) from error
    return path


def verify(folder: Path, checksums: Mapping[str, str]) -> None:
    """Check the MD5 of files before they are read: torchvision only checks the archives that it unpacks.

    Args:
        folder: the folder of the files.
        checksums: the expected MD5 by file name.

    Raises:
        UserError: for the first file with another MD5.
    """
    from torchvision.datasets.utils import check_integrity

    for name, md5 in checksums.items():
        if not check_integrity(str(folder / name), md5):
            raise damaged_file(folder / name, f"its MD5 is not {md5}")


def damaged_file(path: Path, reason: str) -> UserError:
    """Return the error for a file that differs from what is downloaded."""
    return UserError(
        f"data.root: {path} is damaged ({reason}); delete it and run again to download it afresh, {OR_DIGITS}"
    )
