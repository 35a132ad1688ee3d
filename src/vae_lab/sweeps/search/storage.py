"""Open the storage of a study, a database that another version of optuna may have made."""

import shlex
from pathlib import Path

from optuna import __version__
from optuna.exceptions import StorageInternalError
from optuna.storages import BaseStorage, RDBStorage, get_storage
from sqlalchemy.exc import SQLAlchemyError

from vae_lab.errors import UserError
from vae_lab.runs.files import atomic_write


def storage_at(url: str) -> BaseStorage:
    """Open a storage; it is made if it does not exist.

    An older storage is not upgraded automatically, because sqlite cannot undo an upgrade that is interrupted.

    Args:
        url: the URL of the database.

    Raises:
        UserError: if another version of optuna made it; says how to upgrade it. If its file is a link, or damaged.
    """
    file = url.removeprefix("sqlite:///")
    for path in (Path(f"{file}{suffix}") for suffix in ("", "-journal", "-wal", "-shm")):
        if file != url and path.is_symlink():
            raise UserError(
                f"hydra.sweeper.storage={url}: {path} is a link (to {path.readlink()}), and nothing is written through "
                "links; replace it by what it leads to, or remove it"
            )
    try:
        if file != url and not Path(file).exists():
            make_database(Path(file))
        return get_storage(url)
    except (SQLAlchemyError, StorageInternalError) as error:
        raise UserError(explain_database_error(url, error)) from error
    except RuntimeError as error:
        if "table schema" not in str(error):
            raise
        raise UserError(
            f"hydra.sweeper.storage={url}: another version of optuna than {__version__} made this study; copy it, run "
            f"'optuna storage upgrade --storage {shlex.quote(url)}' and repeat this command "
            "(a newer version's study needs that version)"
        ) from error


def make_database(path: Path) -> None:
    """Make the file of an empty database, completely or not at all: half of its tables could not be opened again."""
    with atomic_write(path) as unfinished:
        storage = RDBStorage(f"sqlite:///{unfinished}")
        storage.remove_session()
        storage.engine.dispose()


def explain_database_error(url: str, error: Exception) -> str:
    """Return what a database says of itself, as one line."""
    reason = " ".join(str(error.__cause__ or error).split()).partition(" [SQL")[0]
    return f"hydra.sweeper.storage={url}: {reason}; see to it (is the disk full?), and repeat the command to go on"
