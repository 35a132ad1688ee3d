"""Open the storage of a study, a database that another version of optuna may have made."""

import shlex
from pathlib import Path

from optuna import __version__
from optuna.storages import BaseStorage, get_storage

from vae_lab.errors import UserError


def storage_at(url: str) -> BaseStorage:
    """Open a storage; it is made if it does not exist.

    An older storage is not upgraded automatically, because sqlite cannot undo an upgrade that is interrupted.

    Args:
        url: the URL of the database.

    Raises:
        UserError: if another version of optuna made it; says how to upgrade it. If its file is a link.
    """
    file = url.removeprefix("sqlite:///")
    for path in (Path(f"{file}{suffix}") for suffix in ("", "-journal", "-wal", "-shm")):
        if file != url and path.is_symlink():
            raise UserError(
                f"hydra.sweeper.storage={url}: {path} is a link (to {path.readlink()}), and nothing is written through "
                "links; replace it by what it leads to, or remove it"
            )
    try:
        return get_storage(url)
    except RuntimeError as error:
        if "table schema" not in str(error):
            raise
        raise UserError(
            f"hydra.sweeper.storage={url}: another version of optuna than {__version__} made this study; copy it, run "
            f"'optuna storage upgrade --storage {shlex.quote(url)}' and repeat this command "
            "(a newer version's study needs that version)"
        ) from error
