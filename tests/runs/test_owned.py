"""A folder that vae_lab writes into: everything stays inside, and nothing of anybody else is touched."""

from pathlib import Path

import pytest

from vae_lab.errors import UserError
from vae_lab.runs.folder import RunFolder
from vae_lab.runs.owned import OwnedFolder


@pytest.fixture
def folder(tmp_path: Path) -> OwnedFolder:
    owned = OwnedFolder(tmp_path / "run")
    owned.path.mkdir()
    return owned


def test_what_it_wrote_is_removed_and_nothing_else(folder: OwnedFolder) -> None:
    folder.write_text(folder.path / "figures" / "ours.png", "ours")
    folder.write_json(folder.path / "deep" / "er" / "ours.json", {})
    (folder.path / "figures" / "theirs.png").write_text("theirs")
    folder.remove(folder.path / "figures" / "theirs.png")
    folder.remove_written()
    assert [path for path in folder.path.rglob("*") if path.is_file()] == [folder.path / "figures" / "theirs.png"]
    assert not (folder.path / "deep").exists()


def test_a_file_of_somebody_else_is_not_replaced(folder: OwnedFolder) -> None:
    notes = folder.path / "evaluation.json"
    notes.write_text("mine")
    with pytest.raises(UserError, match="vae_lab did not write this file"):
        folder.write_text(notes, "ours")
    assert notes.read_text() == "mine"


@pytest.mark.parametrize("link", ["figures", "figures/a.png", ".vae_lab", ".vae_lab/unfinished"])
def test_nothing_is_written_through_a_link(folder: OwnedFolder, link: str, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    target = outside if "." not in Path(link).name[1:] else outside / "file"
    (folder.path / link).parent.mkdir(exist_ok=True)
    (folder.path / link).symlink_to(target)
    with pytest.raises(UserError, match="this is a link"):
        folder.write_text(folder.path / "figures" / "a.png", "ours")
    assert not list(outside.iterdir())


@pytest.mark.parametrize("name", ["../a.txt", "figures/../../a.txt"])
def test_nothing_is_written_outside(folder: OwnedFolder, name: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="outside of the folder"):
        folder.write_text(folder.path / name, "ours")
    assert not (tmp_path / "a.txt").exists()


def test_a_list_that_names_files_outside_removes_none(folder: OwnedFolder, tmp_path: Path) -> None:
    (tmp_path / "precious.txt").write_text("precious")
    folder.write_json(folder.manifest, {"files": ["../precious.txt"]})
    with pytest.raises(UserError, match="no list of names in this folder"):
        folder.remove_written()
    assert (tmp_path / "precious.txt").exists()


def test_a_run_of_version_0_2_is_known_by_its_names(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    for path in (run.config, run.metrics, run.best_checkpoint, run.figures / "samples.png", run.path / "notes.txt"):
        path.parent.mkdir(exist_ok=True)
        path.write_text("{}")
    run.write_text(run.failed, "a reason\n")
    run.remove_written()
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [tmp_path / "notes.txt"]
