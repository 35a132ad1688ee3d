"""A folder that vae_lab writes into: everything stays inside, is known, and is written by one process at a time."""

from collections.abc import Iterator, Mapping, Set
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, ListConfig, OmegaConf

from vae_lab.errors import UserError
from vae_lab.runs.files import atomic_write, json_text, read_json


@dataclass(frozen=True)
class OwnedFolder:
    """A folder with a subfolder `.vae_lab`, which says what vae_lab wrote and which process writes.

    Attributes:
        path: the folder.
    """

    path: Path

    @property
    def own(self) -> Path:
        """The folder of what is known of this folder: its lock, its owner, its record and its list of files."""
        return self.path / ".vae_lab"

    @property
    def unfinished(self) -> Path:
        """The folder of files that are not complete; what an interrupted process left there is removed."""
        return self.own / "unfinished"

    @property
    def manifest(self) -> Path:
        """The list of the files that vae_lab wrote, relative to the folder."""
        return self.own / "written.json"

    @contextmanager
    def write(self, path: Path) -> Iterator[Path]:
        """Yield a temporary path, to be written inside the context; on success it replaces `path`.

        Args:
            path: the final path, inside of the folder.

        Raises:
            UserError: if it leads outside of the folder.
        """
        self.note(path)
        with atomic_write(path, self.unfinished) as unfinished:
            yield unfinished

    def save_yaml(self, path: Path, config: DictConfig | ListConfig) -> None:
        """Write a YAML file inside of the folder atomically; see `write`."""
        with self.write(path) as unfinished:
            OmegaConf.save(config, unfinished)

    def write_bytes(self, path: Path, content: bytes) -> None:
        """Write a file inside of the folder atomically; see `write`."""
        with self.write(path) as unfinished:
            unfinished.write_bytes(content)

    def write_text(self, path: Path, text: str) -> None:
        """Write a text file inside of the folder atomically; see `write`."""
        with self.write(path) as unfinished:
            unfinished.write_text(text, encoding="utf-8")

    def write_json(self, path: Path, content: Mapping[str, Any]) -> None:
        """Write a JSON file inside of the folder atomically; see `write`."""
        self.write_text(path, json_text(content))

    def note(self, path: Path, *, made: bool = False) -> None:
        """Add a file to the list of those that vae_lab wrote, before it is written.

        Args:
            path: the file, inside of the folder.
            made: whether this process has just made the file.

        Raises:
            UserError: if it leads outside of the folder, or somebody else wrote it.
        """
        if made:
            self.check_inside(path)
            self.check_inside(self.unfinished / "a file")
        else:
            self.check_replaceable(path)
        name = str(path.relative_to(self.path))
        if name not in self.written():
            self.list_written({*self.written(), name})

    def check_replaceable(self, path: Path) -> None:
        """Refuse a path that leads outside of the folder, or whose file somebody else wrote.

        Raises:
            UserError: one line with the file.
        """
        self.check_inside(path)
        self.check_inside(self.unfinished / "a file")
        name = str(path.relative_to(self.path))
        if path.exists() and name not in self.written() and name not in self.from_before():
            raise UserError(
                f"{path}: vae_lab did not write this file, and does not replace it; move it away, or choose "
                "another folder"
            )

    def begin_list(self) -> None:
        """Begin the list of what vae_lab writes, so that the folder is not taken for that of a version without one."""
        if not self.manifest.is_file():
            self.list_written(set())

    def list_written(self, names: Set[str]) -> None:
        """Write the list of the files that vae_lab wrote."""
        content = {"files": sorted(names), "from_before": sorted(self.from_before())}
        with atomic_write(self.manifest, self.unfinished) as unfinished:
            unfinished.write_text(json_text(content), encoding="utf-8")

    def written(self) -> set[str]:
        """Return the files that vae_lab wrote, relative to the folder."""
        return self.listed("files")

    def from_before(self) -> set[str]:
        """Return the files that a version without lists may have written: they may be replaced, and stay otherwise."""
        return self.listed("from_before")

    def listed(self, part: str) -> set[str]:
        """Return a part of the list, empty if there is no list.

        Raises:
            UserError: one line with the list, if it is damaged.
        """
        names = read_json(self.manifest).get(part, []) if self.manifest.is_file() else []
        if not (isinstance(names, list) and all(map(is_inside, names))):
            raise UserError(f"{self.manifest}: '{part}' is no list of names in this folder, so the file is damaged")
        return set(names)

    def remove(self, path: Path) -> None:
        """Remove a file that vae_lab wrote; one that it did not write, or a link, stays."""
        name = str(path.relative_to(self.path))
        if name in self.written() and path.is_file() and not path.is_symlink():
            self.check_inside(path)
            path.unlink()

    def remove_written(self, keep: Set[str] = frozenset()) -> None:
        """Remove all files that vae_lab wrote, but for some, and the folders that are empty then; all others stay."""
        for name in sorted(self.written() - keep):
            path = self.path / name
            self.remove(path)
            for folder in path.parents:
                if folder == self.path or not folder.is_dir() or any(folder.iterdir()):
                    break
                folder.rmdir()
        self.manifest.unlink(missing_ok=True)

    def check_inside(self, path: Path) -> None:
        """Refuse a path that leads outside of the folder, directly or through a link.

        Raises:
            UserError: one line with the link.
        """
        if not path.is_relative_to(self.path) or ".." in path.relative_to(self.path).parts:
            raise UserError(f"{path}: this is outside of the folder {self.path}, and nothing is written there")
        for step in [path, *path.parents]:
            if step == self.path:
                return
            if step.is_symlink():
                raise UserError(
                    f"{step}: this is a link (to {step.readlink()}), and nothing is written through links; "
                    "replace it by what it leads to, or remove it"
                )


def is_inside(name: Any) -> bool:
    """Return whether a name is that of a file inside of a folder."""
    return isinstance(name, str) and bool(name) and not Path(name).is_absolute() and ".." not in Path(name).parts
