"""Files that are written whole or not at all."""

from pathlib import Path

import pytest

from vae_lab.runs.files import atomic_write, json_text


def test_what_stood_there_is_replaced_only_when_all_went_well(tmp_path: Path) -> None:
    path = tmp_path / "new" / "text.md"
    write(path, "first")
    with pytest.raises(KeyError):
        write_halfway(path)
    assert path.read_text() == "first"
    write(path, "second")
    assert path.read_text() == "second"
    assert list(path.parent.iterdir()) == [path], "nothing is left beside it"


def write(path: Path, text: str) -> None:
    with atomic_write(path) as unfinished:
        unfinished.write_text(text)


def write_halfway(path: Path) -> None:
    with atomic_write(path) as unfinished:
        unfinished.write_text("half")
        raise KeyError


def test_json_ends_in_a_line() -> None:
    assert json_text({"elbo": -98.5}) == '{\n  "elbo": -98.5\n}\n'
