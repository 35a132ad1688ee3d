"""Classes are the labels that occur in training, known by their names; what never occurs is refused."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from omegaconf import OmegaConf
from PIL import Image

import vae_lab
from helpers import commands
from helpers.composed import composed
from helpers.image_files import pixels
from vae_lab import build
from vae_lab.configuration.check import check
from vae_lab.data.classes import check_known, condition
from vae_lab.data.folder import Folder
from vae_lab.errors import UserError
from vae_lab.runs.declared_sizes import classes_of
from vae_lab.runs.folder import RunFolder
from vae_lab.runs.saved_data import read_named

PATH = Path("best.ckpt")
SHAPE = {"image_shape": [1, 8, 8]}


def folder_of(path: Path, *names: str, num: int = 12) -> Path:
    """Binary pictures in subfolders of these names; the level of the corner is the number of the name."""
    for number, name in enumerate(names):
        (path / name).mkdir(parents=True)
        for picture, image in enumerate(255 * (pixels(num, 4, 5) % 2)):
            image[0, 0] = number
            Image.fromarray(image).save(path / name / f"{picture}.png")
    return path


@pytest.mark.parametrize(
    ("names", "labels"),
    [
        (("0007", "12", "3"), (7, 12, 3)),
        (("take 10", "take 9", "take 100"), (1, 0, 2)),
        (("1", "01", "2"), (1, 0, 2)),  # two names of one number: counted, as words are
        (("pear", "apple", "4"), (2, 1, 0)),
    ],
)
def test_numbers_in_names_are_numbers(names: tuple[str, ...], labels: tuple[int, ...], tmp_path: Path) -> None:
    source = Folder(str(folder_of(tmp_path, *names)))
    for split in source.load():
        assert [labels[corner] for corner in split.images[:, 0, 0, 0].tolist()] == split.labels.tolist()
    assert source.class_names() == dict(zip(labels, names, strict=True))


def test_an_earlier_run_counts_its_classes_as_it_did(tmp_path: Path) -> None:
    config = composed("data=folder", f"data.path={folder_of(tmp_path / 'set', '2', '10')}")
    del config.data.rules
    config.data["_target_"] = "vae_lab.data.folder.Folder"
    (tmp_path / ".hydra").mkdir()
    OmegaConf.save(config, tmp_path / ".hydra" / "config.yaml")
    saved = RunFolder(tmp_path).read_config()
    assert saved is not None
    data = read_named(saved)
    # Drawn binary, the corners 0 and 1 of 255 are black, so classes are told by their images.
    data_now = build.data(composed("data=folder", f"data.path={tmp_path / 'set'}", "data.binarize=dynamic"))
    assert data.classes == (0, 1)
    assert data_now.classes == (2, 10)
    assert torch.equal(data.train.labels == 1, data_now.train.labels == 2)
    assert not data.class_names


@pytest.mark.parametrize("given", ["take 10", 1])
def test_a_class_is_left_out_by_its_name_or_label(given: str | int, tmp_path: Path) -> None:
    path = folder_of(tmp_path, "take 10", "take 9", num=40)
    config = composed("data=folder", f"data.path={path}", "data.binarize=static")
    config.data.leave_out = [given]
    check(config)
    data = build.data(config)
    assert data.classes == (0,)
    assert data.left_out is not None
    assert set(data.left_out.labels.tolist()) == {1}
    for unknown, reason in (("take 1", r"no class 'take 1'; did you mean 'take 10'"), (5, r"0 = take 9, 1 = take 10")):
        config.data.leave_out = [unknown]
        with pytest.raises(UserError, match=reason):
            build.data(config)


def test_names_need_a_data_set_that_has_them() -> None:
    with pytest.raises(UserError, match=r"leave_out=\[nine\]: there is no class 'nine'; its classes have numbers"):
        build.data(composed("data=digits", "data.leave_out=[nine]"))


def test_a_class_that_is_left_out_is_no_input() -> None:
    config = composed("data=digits", "condition=label", "data.leave_out=[4]")
    data = build.data(config)
    classes = build.classes(config, data)
    assert classes == (0, 1, 2, 3, 5, 6, 7, 8, 9)
    one_hot = condition(data.test.labels, classes)
    assert torch.equal(torch.tensor(classes)[one_hot.argmax(1)], data.test.labels)
    assert (one_hot.sum(0) > 0).all(), "no input of a class that does not exist"


def test_labels_that_training_never_saw_are_refused(tmp_path: Path) -> None:
    labels = np.arange(100) * 40_000_000
    np.savez(tmp_path / "set.npz", images=pixels(100, 8, 8) > 99, labels=labels)
    config = composed("data=arrays", f"data.path={tmp_path}/set.npz", "condition=label")
    data = build.data(config)
    assert len(data.classes) == len(data.train.labels) == 80
    with pytest.raises(UserError, match=r"condition=label: the validation images are of 10 classes without a"):
        build.classes(config, data)
    assert build.classes(config, data, known=tuple(labels)) == tuple(labels), "of a model that is trained further"
    with pytest.raises(UserError, match=r"the training images are of 80 classes"):
        build.classes(config, data, known=(1, 2))
    with pytest.raises(UserError, match="of 1 classes without a training image, such as 4,"):
        check_known(torch.tensor([3, 4]), (3, 5), "images")


def test_the_classes_of_a_checkpoint() -> None:
    assert classes_of({**SHAPE, "num_classes": None}, PATH) is None
    assert classes_of({**SHAPE, "num_classes": 3}, PATH) == (0, 1, 2), "of version 0.2"
    assert classes_of({**SHAPE, "num_classes": 2, "classes": [5, 2**40]}, PATH) == (5, 2**40)
    for classes in ([5], [5, 5], [6, 5], [-1, 5], ["5", "6"], "ab", 7, [0, 2**70]):
        with pytest.raises(UserError, match="its classes are no 2 labels"):
            classes_of({**SHAPE, "num_classes": 2, "classes": classes}, PATH)


@pytest.mark.slow
def test_a_run_knows_its_classes_by_name(tmp_path: Path) -> None:
    path, run = folder_of(tmp_path / "set", "no 30", "no 4", "no 7", num=40), tmp_path / "run"
    done = commands.train(
        "data=folder",
        f"data.path={path}",
        "data.binarize=threshold",
        "data.leave_out=['no 7']",
        "condition=label",
        "trainer.max_epochs=1",
        "logger=none",
        f"hydra.run.dir={run}",
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("classes: 0 = no 4, 2 = no 30\n") == 1
    assert commands.metrics(run)["data/leave_out"] == "1 = no 7"
    assert json.loads((run / ".vae_lab" / "run.json").read_text())["data"]["class_names"]["2"] == "no 30"
    trained = vae_lab.load(run)
    assert trained.sample(3, labels="no 30").shape == trained.sample(3, labels=2).shape == (3, 1, 4, 5)
    for absent in (1, 30, "no 7", torch.tensor([0, 2, 1])):
        with pytest.raises(ValueError, match="give those of its training, 0 = no 4, 2 = no 30"):
            trained.sample(3, labels=absent)
