"""CIFAR-10, Omniglot and Frey faces: read whole, or refused in one line that names them; and how a set is split."""

import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision import datasets
from torchvision.datasets.utils import calculate_md5

from helpers.image_files import RANDOM, all_of, pairs, pixels
from vae_lab.data import omniglot
from vae_lab.data.cifar10 import CIFAR10
from vae_lab.data.frey_faces import FreyFaces
from vae_lab.data.image_set import ImageSet, MissingDataError, Split, train_val_test_split
from vae_lab.data.mnist import EMNIST, KMNIST, MNIST, FashionMNIST
from vae_lab.data.omniglot import Omniglot
from vae_lab.errors import UserError

# All that are downloaded


@pytest.mark.usefixtures("offline")
@pytest.mark.parametrize(
    ("kind", "folder"),
    [
        (MNIST, "MNIST/raw"),
        (FashionMNIST, "FashionMNIST/raw"),
        (KMNIST, "KMNIST/raw"),
        (EMNIST, "EMNIST/raw"),
        (CIFAR10, "cifar-10-batches-py"),
        (Omniglot, "omniglot-py"),
    ],
)
def test_missing_and_not_to_be_downloaded(kind: Callable[[str], ImageSet], folder: str, tmp_path: Path) -> None:
    message = f"is not in {tmp_path / folder} and could not be downloaded .*no network.*VAE_LAB_DATA.*{folder}.*digits"
    with pytest.raises(MissingDataError, match=message):
        kind(str(tmp_path)).load()


# CIFAR-10


def write_cifar(root: Path) -> tuple[np.ndarray, list[int]]:
    """Batches of 4 images each, as CIFAR-10's are pickled: the training images, and their labels."""
    folder = root / "cifar-10-batches-py"
    folder.mkdir()
    images, labels = pixels(24, 3, 32, 32), [int(label) for label in RANDOM.integers(0, 10, 24)]
    names = [*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"]
    for number, name in enumerate(names):
        part = slice(4 * number, 4 * number + 4)
        batch = {"data": images[part].reshape(4, -1), "labels": labels[part]}
        (folder / name).write_bytes(pickle.dumps(batch))
    (folder / "batches.meta").write_bytes(pickle.dumps({"label_names": [*"abcdefghij"]}))
    return images, labels


def test_cifar10_opens_no_pickle_but_the_original(tmp_path: Path) -> None:
    write_cifar(tmp_path)
    with pytest.raises(UserError, match=r"data_batch_1 is damaged \(its MD5 is not c99cafc152244af753f735de768cd75f"):
        CIFAR10(str(tmp_path)).load()


def test_cifar10_is_read_channels_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images, labels = write_cifar(tmp_path)
    md5 = {path.name: calculate_md5(path) for path in (tmp_path / "cifar-10-batches-py").iterdir()}
    source = datasets.CIFAR10
    monkeypatch.setattr(source, "train_list", [[name, md5[name]] for name, _ in source.train_list])
    monkeypatch.setattr(source, "test_list", [[name, md5[name]] for name, _ in source.test_list])
    monkeypatch.setattr(source, "meta", {**source.meta, "md5": md5["batches.meta"]})
    splits = CIFAR10(str(tmp_path), num_validation=3).load()
    assert all_of(splits, 2) == pairs(images[:20], np.array(labels[:20]))
    np.testing.assert_array_equal(splits.test.images, images[20:])


# Omniglot


@pytest.fixture
def characters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Omniglot with 3 characters of 2 pictures for training, and 1 for testing: black strokes on white."""
    monkeypatch.setattr(omniglot, "TRAIN", ("images_background", 6))
    monkeypatch.setattr(omniglot, "TEST", ("images_evaluation", 2))
    for character in ("background/Greek/character01", "background/Greek/character02", "background/Latin/character01"):
        write_character(tmp_path / "omniglot-py" / f"images_{character}")
    write_character(tmp_path / "omniglot-py" / "images_evaluation" / "Futurama" / "character01")
    return tmp_path


def write_character(folder: Path) -> None:
    folder.mkdir(parents=True)
    for number in range(2):
        strokes = np.ones((105, 105), bool)
        strokes[30:75, 30:75] = False
        Image.fromarray(strokes).save(folder / f"{number}.png")


def test_omniglot_has_white_strokes_and_a_class_for_each_character(characters: Path) -> None:
    splits = Omniglot(str(characters), image_size=21, num_validation=2).load()
    assert [len(part.images) for part in splits] == [4, 2, 2]
    assert splits.image_shape == (1, 21, 21)
    assert sorted(torch.cat([splits.train.labels, splits.val.labels]).tolist()) == [0, 0, 1, 1, 2, 2]
    assert splits.test.labels.tolist() == [3, 3]
    assert (splits.test.images[:, 0, 8:13, 8:13] > 250).all()
    assert (splits.test.images[:, 0, :3] == 0).all()


def test_omniglot_half_unpacked_is_damage(characters: Path) -> None:
    (characters / "omniglot-py/images_background/Greek/character02/1.png").unlink()
    with pytest.raises(UserError, match=r"images_background is damaged .*it has 5 pictures, not 6"):
        Omniglot(str(characters), num_validation=2).load()


# Frey faces


def test_frey_faces_split_the_same_way_every_time(linked_root: Path) -> None:
    try:
        first, second = (FreyFaces(str(linked_root)).load() for _ in range(2))
    except MissingDataError as error:
        pytest.skip(str(error))
    assert [len(part.images) for part in first] == [1565, 200, 200]
    assert first.image_shape == (1, 28, 20)
    assert all(torch.equal(a.images, b.images) for a, b in zip(first, second, strict=True))
    faces = np.load(linked_root / "frey_faces" / "frey_faces.npy")
    assert all_of(first, 3) == pairs(faces, np.zeros(1965))


def test_frey_faces_missing_or_damaged(tmp_path: Path) -> None:
    with pytest.raises(MissingDataError, match=r"not in .*frey_faces.npy, and are not downloaded; set VAE_LAB_DATA"):
        FreyFaces(str(tmp_path)).load()
    path = tmp_path / "frey_faces" / "frey_faces.npy"
    path.parent.mkdir()
    path.write_bytes(b"nothing")
    with pytest.raises(UserError, match=r"frey_faces.npy is damaged"):
        FreyFaces(str(tmp_path)).load()
    np.save(path, pixels(5, 28, 20))
    with pytest.raises(UserError, match=r"damaged \(it holds uint8 values of shape \(5, 28, 20\)"):
        FreyFaces(str(tmp_path)).load()


# Splitting


def numbered(total: int) -> Split:
    return Split(torch.arange(total, dtype=torch.uint8).reshape(-1, 1, 1, 1), torch.arange(total))


@pytest.mark.parametrize(
    ("total", "val", "test", "sizes"),
    [(60, 0.1, 0.1, [48, 6, 6]), (60, 5, 0.5, [25, 5, 30]), (3, 0.1, 0.1, [1, 1, 1]), (100, 20, 30, [50, 20, 30])],
)
def test_fractions_are_of_the_whole_set(total: int, val: float, test: float, sizes: list[int]) -> None:
    splits = train_val_test_split(numbered(total), val, test)
    assert [len(part.images) for part in splits] == sizes
    assert sorted(torch.cat([part.labels for part in splits]).tolist()) == list(range(total))


@pytest.mark.parametrize(
    ("val", "test", "option"), [(0.5, 0.5, "num_validation"), (1, 60, "num_test"), (50, 10, "num_validation")]
)
def test_nothing_left_to_train_on(val: float, test: float, option: str) -> None:
    with pytest.raises(UserError, match=f"data.{option}"):
        train_val_test_split(numbered(60), val, test)
