"""The family of MNIST: files as they come, read whole, downloaded once, or refused in one line that names them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torchvision import datasets

from helpers.idx_files import write_family, write_idx
from helpers.image_files import all_of, pairs
from vae_lab.data.image_set import MissingDataError
from vae_lab.data.mnist import EMNIST, KMNIST, MNIST, FashionMNIST
from vae_lab.errors import UserError


@pytest.mark.parametrize("kind", [FashionMNIST, KMNIST])
def test_a_set_in_the_format_of_mnist(kind: type[FashionMNIST | KMNIST], tmp_path: Path) -> None:
    images, labels, test_images, test_labels = write_family(tmp_path / kind.name / "raw", ("train", "t10k"))
    splits = kind(str(tmp_path), num_validation=5).load()
    assert [len(part.images) for part in splits] == [25, 5, 8]
    assert splits.image_shape == (1, 28, 28)
    assert all_of(splits, 2) == pairs(images, labels)
    np.testing.assert_array_equal(splits.test.images[:, 0], test_images)
    np.testing.assert_array_equal(splits.test.labels, test_labels)


@pytest.mark.parametrize(("split", "first"), [("balanced", 0), ("letters", 1)])
def test_emnist_is_turned_upright_and_its_letters_count_from_0(split: Any, first: int, tmp_path: Path) -> None:
    prefixes = (f"emnist-{split}-train", f"emnist-{split}-test")
    *_, test_images, test_labels = write_family(tmp_path / "EMNIST" / "raw", prefixes)
    test = EMNIST(str(tmp_path), split, num_validation=5).load().test
    np.testing.assert_array_equal(test.images[:, 0], test_images.transpose(0, 2, 1))
    np.testing.assert_array_equal(test.labels, test_labels - first)


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda content: content[:-3], "bytes for"),
        (lambda content: content + b"x", "bytes for"),
        (lambda content: b"", "its header is not"),
        (lambda content: b"<html>" + content, "its header is not"),
    ],
)
@pytest.mark.parametrize("name", ["train-images-idx3-ubyte", "t10k-labels-idx1-ubyte"])
def test_a_damaged_file_is_named(damage: Callable[[bytes], bytes], reason: str, name: str, tmp_path: Path) -> None:
    raw = tmp_path / "KMNIST" / "raw"
    write_family(raw, ("train", "t10k"))
    (raw / name).write_bytes(damage((raw / name).read_bytes()))
    with pytest.raises(UserError, match=rf"{name} is damaged \(.*{reason}.*delete it and run again.*data=digits"):
        KMNIST(str(tmp_path), num_validation=5).load()


def test_labels_for_other_images_are_damage(tmp_path: Path) -> None:
    raw = tmp_path / "KMNIST" / "raw"
    write_family(raw, ("train", "t10k"))
    write_idx(raw / "train-labels-idx1-ubyte", np.zeros(29))
    with pytest.raises(UserError, match="29 labels for 30 images"):
        KMNIST(str(tmp_path), num_validation=5).load()


def test_mnist_with_another_checksum_is_damage(tmp_path: Path) -> None:
    write_family(tmp_path / "MNIST" / "raw", ("train", "t10k"))
    with pytest.raises(UserError, match=r"train-images-idx3-ubyte is damaged \(its MD5 is not"):
        MNIST(str(tmp_path)).load()


def test_what_is_missing_is_downloaded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def download(root: str, download: bool) -> None:
        calls.append(root)
        write_family(tmp_path / "KMNIST" / "raw", ("train", "t10k"))

    monkeypatch.setattr(datasets, "KMNIST", download)
    for _ in range(2):
        assert len(KMNIST(str(tmp_path), num_validation=5).load().test.images) == 8
    assert calls == [str(tmp_path)]


def test_a_download_that_lacks_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets, "KMNIST", lambda root, download: None)
    with pytest.raises(MissingDataError, match="the download had no train-images-idx3-ubyte, "):
        KMNIST(str(tmp_path)).load()
