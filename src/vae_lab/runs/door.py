"""The door of a run's folder: whatever trains there enters through it, alone, resumed, or as the job of a sweep."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import Enum, auto
from logging import FileHandler
from pathlib import Path

from omegaconf import DictConfig

from vae_lab.configuration.processes import is_first
from vae_lab.configuration.proposed import override
from vae_lab.errors import UserError
from vae_lab.runs.files import check_room
from vae_lab.runs.folder import RunFolder
from vae_lab.runs.lock import locked
from vae_lab.runs.record import complete, read_record, record_start
from vae_lab.runs.same_run import check_same_run, is_finished, keep_changes


class Entrance(Enum):
    """Why a run enters its folder."""

    START = auto()  # a run of its own, in a folder without results
    JOB = auto()  # a job of a sweep, whose command may be repeated
    RESUME = auto()  # a run that goes on in its folder


class Found(Enum):
    """What a run finds in its folder."""

    NOTHING = auto()  # it is a new run
    INTERRUPTED = auto()  # its own last state, from which it goes on
    FINISHED = auto()
    PRUNED = auto()


@contextmanager
def enter(folder: RunFolder, config: DictConfig, entrance: Entrance) -> Iterator[Found]:
    """Take the folder of a run: hold its lock, compare what is recorded there, and record a new run.

    A run that is refused before its training, for a damaged file of data for one, leaves nothing behind.

    Of several processes that train a run together the first one holds the lock, and the others only look.

    Args:
        folder: the run's folder.
        config: the run's configuration.
        entrance: why it enters.

    Raises:
        UserError: if another process writes there, or the folder holds another run.
    """
    if entrance is Entrance.JOB:
        keep_changes(folder.path, config)
    if not is_first():
        yield what_is_found(folder, config, entrance)
        return
    began = False
    with removing_if_empty(folder), locked(folder, "trains"):
        complete(folder)
        check_entrance(folder, config, entrance)
        if config.get("overwrite"):
            make_room(folder)
        found = what_is_found(folder, config, entrance)
        if found is Found.NOTHING:
            make_room(folder)  # what is there is of a start that trained nothing
            record_start(folder, config)
            began = entrance is Entrance.START
        try:
            yield found
        except UserError:
            if began and read_record(folder).data is None and not folder.has_results:
                leave_nothing(folder)
            raise


def leave_nothing(folder: RunFolder) -> None:
    """Remove all that a run wrote which was refused before its training; its lock is held until the end."""
    for handler in [*logging.root.handlers]:
        if isinstance(handler, FileHandler) and Path(handler.baseFilename).is_relative_to(folder.path.absolute()):
            logging.root.removeHandler(handler)
            handler.close()
    folder.remove_written()
    for path in (folder.run_record, folder.own / "lock"):
        path.unlink(missing_ok=True)


@contextmanager
def removing_if_empty(folder: RunFolder) -> Iterator[None]:
    """Remove a folder at the end if nothing is left in it."""
    try:
        yield
    finally:
        if not (folder.own / "lock").exists():
            with suppress(OSError):  # there is something in it
                for path in (folder.unfinished, folder.own, folder.path):
                    path.rmdir()


def make_room(folder: RunFolder) -> None:
    """Remove what an earlier run wrote, and nothing else; its log, which this process has just opened, is emptied.

    A user's own file of that name has something in it and is in no list: the log goes on at its end.
    """
    logs = [Path(handler.baseFilename) for handler in logging.root.handlers if isinstance(handler, FileHandler)]
    names = {str(log.relative_to(folder.path.absolute())) for log in logs if log.is_relative_to(folder.path.absolute())}
    names = {name for name in names if name in folder.written() or not (folder.path / name).stat().st_size}
    for name in names:
        os.truncate(folder.path / name, 0)
    folder.remove_written(keep=names)
    for name in names:
        folder.note(folder.path / name, made=True)


def knock(folder: RunFolder, config: DictConfig, entrance: Entrance) -> None:
    """Refuse a folder that a run could not enter, before anything is written there, a log among it.

    Raises:
        UserError: as `enter` does.
    """
    if not is_first():
        return
    check_room(folder.path, 2**20, "a run's files")
    if folder.path.is_dir():
        with locked(folder, "looks"):
            check_entrance(folder, config, entrance)


def check_entrance(folder: RunFolder, config: DictConfig, entrance: Entrance) -> None:
    """Refuse a folder that holds another run, or a link in the place of a file that a run writes.

    Raises:
        UserError: one line with the folder and the ways out.
    """
    if entrance is Entrance.JOB and folder.path.is_symlink():
        raise UserError(f"{folder.path}: this is a link, and no job of a sweep writes through it; remove it")
    check_links(folder, config)
    if config.get("overwrite"):
        return
    if entrance is Entrance.JOB:
        check_same_run(folder.path, config)
    elif entrance is Entrance.START and folder.has_results:
        go_on = override("resume", str(folder.path))
        raise UserError(
            f"hydra.run.dir={folder.path}: this folder holds a run; go on with it ({go_on}), "
            "replace it (overwrite=true removes what it wrote), or choose another folder"
        )


def check_links(folder: RunFolder, config: DictConfig) -> None:
    """Refuse links in the places where a run, its loggers and Hydra write.

    Raises:
        UserError: one line with the link.
    """
    files = [folder.config, folder.hydra_config, folder.overrides, folder.run_record, folder.manifest]
    files += [folder.metrics, folder.evaluation, folder.gradient_variance, folder.failed, folder.pruned]
    files += [folder.best_checkpoint, folder.figures / "a figure", *folder.path.glob("*.log")]
    files += [folder.path / name for name in sorted(folder.written())]  # which may be removed
    if config.get("logger") is not None:
        names = [str(config.logger.get(key) or "") for key in ("name", "version", "sub_dir")]
        files += [folder.path.joinpath(*names, name) for name in ("hparams.yaml", "metrics.csv")]
    for path in files:
        folder.check_inside(path)
        if path.exists() and not path.is_file():
            raise UserError(f"{path}: this is no file, and a run writes one there; move it away")


def what_is_found(folder: RunFolder, config: DictConfig, entrance: Entrance) -> Found:
    """Return what a folder holds of a run that may enter it."""
    if entrance is Entrance.JOB and is_finished(folder.path, config):
        return Found.FINISHED
    if entrance is Entrance.JOB and folder.pruned.is_file():
        return Found.PRUNED
    if entrance is Entrance.RESUME or folder.last_checkpoint.is_file():
        return Found.INTERRUPTED
    return Found.NOTHING
