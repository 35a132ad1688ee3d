"""A run knows its data: they are found from any working directory, and others under the same path are refused."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from omegaconf import DictConfig, OmegaConf

from helpers import commands
from helpers.composed import composed
from helpers.image_files import pixels
from vae_lab import build, load
from vae_lab.configuration.data_paths import data_paths, with_absolute_paths, with_found_paths
from vae_lab.configuration.groups import TREATMENT_KEYS
from vae_lab.data.image_set import MissingDataError
from vae_lab.errors import UserError
from vae_lab.runs.folder import RunFolder
from vae_lab.runs.record import as_recorded
from vae_lab.runs.same_run import check_same_settings
from vae_lab.runs.saved_data import check_data, read_data, read_named

TINY = ("latent_dim=2", "model.hidden_sizes=[4]", "trainer.max_epochs=1", "nll_samples=1", "logger=none")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working directory with images and a run that was trained on them, by their relative path."""
    folder = tmp_path_factory.mktemp("home")
    (folder / "mine").mkdir()
    np.savez(folder / "mine" / "set.npz", images=pixels(80, 8, 8), labels=np.arange(80) % 3)
    done = commands.train(
        "data=arrays",
        "data.path=mine/set.npz",
        "data.binarize=dynamic",
        "hydra.run.dir=run",
        "callbacks={}",
        *TINY,
        cwd=folder,
    )
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.slow
def test_the_data_are_found_from_another_working_directory(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run = load(home / "run")
    assert run.config.data.path == str(home / "mine" / "set.npz")
    data = read_data(RunFolder(home / "run"), run.config)
    assert check_data(RunFolder(home / "run"), run.config, data, allow=False) is None


def other_pixel(images: Any, labels: Any) -> dict[str, Any]:
    images[-1, 0, 0] ^= 1
    return {"images": images, "labels": labels}


def other_labels(images: Any, labels: Any) -> dict[str, Any]:
    return {"images": images, "labels": labels[::-1]}


def fewer_images(images: Any, labels: Any) -> dict[str, Any]:
    return {"images": images[:-20], "labels": labels[:-20]}


def taller_images(images: Any, labels: Any) -> dict[str, Any]:
    return {"images": images.repeat(2, 1), "labels": labels}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (other_pixel, "as many images as those that the run was trained on, and other pixels"),
        (other_labels, "and other labels"),
        (fewer_images, r"have 48 / 6 / 6 images and the run was trained on data with 64 / 8 / 8 images"),
        (
            taller_images,
            r"images of shape \(1, 16, 8\) and the run was trained on data with images of shape \(1, 8, 8\)",
        ),
    ],
)
def test_other_data_under_the_same_path_are_told(change: Any, reason: str, home: Path) -> None:
    path = home / "mine" / "set.npz"
    before = path.read_bytes()
    try:
        with np.load(path) as known:
            np.savez(path, **change(known["images"], known["labels"]))
        run, folder = load(home / "run"), RunFolder(home / "run")
        data = read_data(folder, run.config)
        with pytest.raises(UserError, match=rf"data.path=.*set.npz: these data .*{reason}; .*allow_other_data=true"):
            check_data(folder, run.config, data, allow=False)
        assert "these data" in str(check_data(folder, run.config, data, allow=True))
    finally:
        path.write_bytes(before)


@pytest.mark.slow
def test_commands_stop_at_other_data_and_say_so_where_they_are_wanted(home: Path, tmp_path: Path) -> None:
    path, run = home / "mine" / "set.npz", home / "run"
    before = path.read_bytes()
    with np.load(path) as known:
        np.savez(path, **other_pixel(known["images"], known["labels"]))
    try:
        recorded = (run / ".vae_lab" / "run.json").read_bytes()
        for done in (
            commands.evaluate(f"run={run}", "measure=[bounds]", cwd=tmp_path),
            commands.train(f"resume={run}", "trainer.max_epochs=2", cwd=tmp_path),
        ):
            assert done.returncode == 1
            assert "and other pixels" in done.stderr.splitlines()[-1]
            assert "Traceback" not in done.stderr
        assert (run / ".vae_lab" / "run.json").read_bytes() == recorded
        wanted = commands.evaluate(f"run={run}", "measure=[bounds]", "allow_other_data=true", cwd=tmp_path)
        assert wanted.returncode == 0, wanted.stderr
        (estimates,) = json.loads((run / "evaluation.json").read_text())["test"].values()
        assert all("other pixels" in estimate["other_data"] for estimate in estimates.values())
    finally:
        path.write_bytes(before)


def of_data(**options: Any) -> DictConfig:
    return OmegaConf.create({"data": options})


def test_options_that_are_paths() -> None:
    assert [key for key, _ in data_paths(composed("data=mnist"))] == ["data.root"]
    assert [key for key, _ in data_paths(composed("data=folder", "data.path=train"))] == ["data.path"]
    assert [key for key, _ in data_paths(composed("data=digits"))] == []


def test_a_data_set_without_annotations_is_known_by_what_exists(tmp_path: Path) -> None:
    (tmp_path / "auto").mkdir()
    (tmp_path / "set.bin").touch()
    config = of_data(_target_="nowhere.Set", one="set.bin", two="auto", three="none.bin", inner={"path": "./auto"})
    absolute = with_absolute_paths(config, tmp_path).data
    assert dict(absolute) == {**config.data, "one": f"{tmp_path}/set.bin", "inner": {"path": f"{tmp_path}/auto"}}


def test_a_relative_path_of_an_older_run_starts_where_the_run_did(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    for folder in (here, there):
        folder.mkdir()
    monkeypatch.chdir(here)
    config = composed("data=folder", "data.path=pictures")
    (there / "pictures").mkdir()
    assert with_found_paths(config, there).data.path == str(there / "pictures")
    (here / "pictures").mkdir()
    assert with_found_paths(config, there).data.path == str(here / "pictures")


def test_a_sweep_is_the_same_from_another_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = composed("data=folder", "data.path=pictures")
    (tmp_path / "one" / "pictures").mkdir(parents=True)
    (tmp_path / "two").mkdir()
    monkeypatch.chdir(tmp_path / "one")
    before = as_recorded(config)
    monkeypatch.chdir(tmp_path / "two")
    check_same_settings(before, config, "a sweep")
    (tmp_path / "two" / "pictures").mkdir()
    with pytest.raises(UserError, match=r"data.path=.*two/pictures: a sweep with data.path=.*one/pictures"):
        check_same_settings(before, config, "a sweep")


def test_nothing_is_downloaded_to_where_a_saved_run_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    foreign, own = tmp_path / "foreign", tmp_path / "own"
    foreign.mkdir()
    monkeypatch.setenv("VAE_LAB_DATA", str(own))
    config = composed("data=digits", "data.binarize=dynamic")
    served = {key: value for key, value in config.data.items() if key in TREATMENT_KEYS}
    config.data = {"_target_": "helpers.downloading.Downloaded", "root": str(foreign), **served}
    assert len(read_named(config).train.images) == 24
    assert not list(foreign.iterdir())
    assert (own / "downloaded" / "images.npy").is_file()
    build.data(config)  # a new run downloads to where it is told
    assert (foreign / "downloaded" / "images.npy").is_file()


def test_data_that_are_nowhere_are_named_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAE_LAB_DATA", str(tmp_path / "own"))
    with pytest.raises(MissingDataError, match=r"own/frey_faces/frey_faces.npy, and are not downloaded"):
        read_named(composed("data=frey_faces", f"data.root={tmp_path}"))
