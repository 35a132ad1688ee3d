"""Write files atomically: completely, or not at all."""

import json
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from vae_lab.errors import UserError, explain_os_error

MAX_JSON_BYTES = 64 * 2**20


@contextmanager
def atomic_write(path: Path, beside: Path | None = None) -> Iterator[Path]:
    """Yield a temporary path, to be written inside the context; on success it replaces `path`.

    A process that reads `path` meanwhile, or after an interruption, finds the old content. The temporary file has an
    unpredictable name and is new, so two processes never write the same one, and nobody can put a link in its place.
    Missing folders are made.

    Args:
        path: the final path of the file, which an error of the system names.
        beside: the folder of the temporary file, on the same file system; that of `path` if None.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    folder = beside or path.parent
    folder.mkdir(parents=True, exist_ok=True)
    unfinished = folder / f".{path.stem}.{secrets.token_hex(8)}.unfinished{path.suffix}"
    unfinished.touch(exist_ok=False)
    try:
        yield unfinished
        flush_to_disk(unfinished)
        unfinished.replace(path)
    except OSError as error:
        error.filename = str(path)  # a full disk does not say which file it has no room for
        raise
    finally:
        with suppress(FileNotFoundError):  # it has become `path`
            unfinished.unlink()


def flush_to_disk(path: Path) -> None:
    """Wait until a file is on the disk, so that after a power failure the new name never stands for an empty file."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


def check_room(folder: Path, num_bytes: int, what: str) -> None:
    """Refuse a folder that nothing can be written to, or that has no room.

    Args:
        folder: the folder, which need not exist.
        num_bytes: the room that is needed.
        what: what is to be written, for the message.

    Raises:
        UserError: one line with the folder and the way out.
    """
    existing = next(path for path in [folder.absolute(), *folder.absolute().parents] if path.exists())
    try:
        with tempfile.TemporaryFile(dir=existing) as file:
            file.write(bytes(4096))
            file.flush()
    except OSError as error:
        error.filename = str(existing)
        raise UserError(explain_os_error(error)) from error
    free = shutil.disk_usage(existing).free
    if free < num_bytes:
        raise UserError(
            f"{folder}: {what} need about {num_bytes / 2**20:,.0f} MiB, and {free / 2**20:,.0f} MiB are free there; "
            "free some, or choose another folder"
        )


def json_text(content: Mapping[str, Any]) -> str:
    """Return a mapping as the text of a JSON file."""
    return json.dumps(content, indent=2) + "\n"


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON file that holds a mapping, which may be damaged or a stranger's.

    Raises:
        UserError: one line with the file, if it is damaged or too large.
    """
    try:
        content = json.loads(read_bounded(path, MAX_JSON_BYTES))
    except (ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"{path}: this file is damaged ({reason}); restore it from a copy, or remove it") from error
    if not isinstance(content, dict):
        found = type(content).__name__
        raise UserError(
            f"{path}: this file is damaged (expected a mapping, found {found}); restore it from a copy, or remove it"
        )
    return content


def read_bounded(path: Path, max_bytes: int) -> str:
    """Read a text file of at most some bytes.

    Raises:
        UserError: one line with the file, if it has more.
        UnicodeDecodeError: if it is not UTF-8.
    """
    with path.open("rb") as file:
        content = file.read(max_bytes + 1)
    if len(content) > max_bytes:
        raise UserError(f"{path}: this file has more than {max_bytes // 2**20} MiB, so it is not that of a run")
    return content.decode("utf-8")
