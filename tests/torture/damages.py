"""Damaged folders: torn, empty and missing files, other types of files, and links in the places of files."""

import os
import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import chdir
from pathlib import Path

from torture.variants import Variant

FILES = (
    *(".hydra/config.yaml", ".hydra/hydra.yaml", ".hydra/overrides.yaml", "metrics.json", "evaluation.json"),
    *("checkpoints/best.ckpt", "checkpoints/last.ckpt", ".vae_lab/run.json", ".vae_lab/written.json", "train.log"),
)
FOLDERS = (".hydra", ".vae_lab", ".vae_lab/unfinished", "checkpoints", "figures")


def empty(path: Path, outside: Path) -> None:
    path.write_bytes(b"")


def torn(path: Path, outside: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def garbage(path: Path, outside: Path) -> None:
    path.write_bytes(bytes(range(256)) * 8)


def missing(path: Path, outside: Path) -> None:
    path.unlink()


def folder_instead(path: Path, outside: Path) -> None:
    path.unlink()
    path.mkdir()


def pipe(path: Path, outside: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def endless(path: Path, outside: Path) -> None:
    path.unlink()
    path.symlink_to("/dev/zero")


def linked_file(path: Path, outside: Path) -> None:
    shutil.move(path, outside / path.name)
    path.symlink_to(outside / path.name)


def loop(path: Path, outside: Path) -> None:
    path.unlink()
    path.symlink_to(path.name)


def socket_instead(path: Path, outside: Path) -> None:
    path.unlink()
    with chdir(path.parent), socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path.name)


def linked_folder(path: Path, outside: Path) -> None:
    target = outside / path.name.lstrip(".")
    shutil.copytree(path, target) if path.exists() else target.mkdir()
    shutil.rmtree(path, ignore_errors=True)
    path.symlink_to(target)


def file_instead(path: Path, outside: Path) -> None:
    shutil.rmtree(path, ignore_errors=True)
    path.write_text("a file\n")


def missing_folder(path: Path, outside: Path) -> None:
    shutil.rmtree(path, ignore_errors=True)


Damage = Callable[[Path, Path], None]
TO_FILES: tuple[Damage, ...] = (empty, torn, garbage, missing, folder_instead, pipe, endless, linked_file, loop)
TO_FOLDERS: tuple[Damage, ...] = (linked_folder, file_instead, missing_folder)


def variants() -> Iterator[Variant]:
    """Yield all damages of all files and folders."""
    for names, damages in ((FILES, (*TO_FILES, socket_instead)), (FOLDERS, TO_FOLDERS)):
        for name in names:
            for damage in damages:
                yield Variant(f"damaged/{damage.__name__}_{name.replace('/', '_').lstrip('.')}", at(name, damage))


def at(name: str, damage: Damage) -> Damage:
    """Return a damage of a file or folder of a run's folder."""

    def change(folder: Path, outside: Path) -> None:
        path = folder / name
        if path.is_file() or damage in TO_FOLDERS:
            damage(path, outside)

    return change
