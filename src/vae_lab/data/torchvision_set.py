"""What the data sets that torchvision downloads share: fetched once, checked, and missing in one clear line."""

import contextlib
import io
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from filelock import FileLock

from vae_lab.data.image_set import MissingDataError
from vae_lab.errors import UserError

# What each message offers to who cannot or would not download.
OR_DIGITS = "or use the embedded digits with data=digits"


def obtain(name: str, root: Path, folder: str, files: Iterable[str], download: Callable[[], object]) -> Path:
    """The folder of a data set, after what is missing in it was fetched, once also when several runs start together.

    Args:
        name: the data set, as messages call it.
        root: `data.root`, the folder of all data sets.
        folder: the data set's folder below it, where torchvision keeps it.
        files: files or folders that must be there.
        download: fetches them.

    Raises:
        MissingDataError: where they are not there afterwards.
    """
    place = root / folder
    expected = [place / file for file in files]

    def complete() -> bool:
        return all(path.exists() for path in expected)

    if complete():
        return place
    try:
        place.mkdir(parents=True, exist_ok=True)
        with FileLock(place / ".lock"):
            if not complete():
                # torchvision reports every mirror that it tries; one message at the end is enough.
                with contextlib.redirect_stdout(io.StringIO()):
                    download()
        if not complete():
            raise FileNotFoundError(f"the download had no {', '.join(p.name for p in expected if not p.exists())}")
    except (OSError, RuntimeError) as error:
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise MissingDataError(
            f"data.root={root}: {name} is not in {place} and could not be downloaded ({reason[-1]}); "
            f"set VAE_LAB_DATA to the folder that holds {folder}, {OR_DIGITS}"
        ) from error
    return place


def verify(place: Path, checksums: Mapping[str, str]) -> None:
    """Check the files that are about to be read: torchvision checks the archives that it unpacks, and not later.

    Raises:
        UserError: for the first file whose MD5 is another.
    """
    from torchvision.datasets.utils import check_integrity

    for name, md5 in checksums.items():
        if not check_integrity(str(place / name), md5):
            raise damaged(place / name, f"its MD5 is not {md5}")


def damaged(path: Path, reason: str) -> UserError:
    """What to say of a file that is not what was downloaded."""
    return UserError(
        f"data.root: {path} is damaged ({reason}); delete it and run again to download it afresh, {OR_DIGITS}"
    )
