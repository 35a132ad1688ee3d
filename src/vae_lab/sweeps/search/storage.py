"""The storage of a study: a database that another version of optuna may have made."""

import shlex

from optuna import __version__
from optuna.storages import BaseStorage, get_storage

from vae_lab.errors import UserError


def storage_at(url: str) -> BaseStorage:
    """Open a storage, made where there is none yet.

    An older one is not upgraded here: sqlite cannot undo an upgrade that is interrupted, so a person decides when.

    Raises:
        UserError: where another version of optuna made it; says how to upgrade it.
    """
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
