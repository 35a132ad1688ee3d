"""What a file declares is compared with what it holds and with memory, and the parts of a set with each other."""

import os
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from helpers.composed import composed
from helpers.idx_files import write_family, write_idx
from helpers.image_files import pixels
from vae_lab import build
from vae_lab.data.arrays import Arrays
from vae_lab.data.folder import Folder
from vae_lab.data.frey_faces import FreyFaces
from vae_lab.data.image_set import ImageSet, Split, Splits
from vae_lab.data.mnist import EMNIST, KMNIST, TEST, TRAIN
from vae_lab.data.stored import load_chosen
from vae_lab.errors import UserError


def with_header(text: str, body: bytes = bytes(144)) -> bytes:
    """A `.npy` file with this header."""
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode() + body


TRAIN_LABELS, TEST_IMAGES, TEST_LABELS = TRAIN[1], *TEST
EMPTY = ((TEST_IMAGES, (0, 28, 28)), (TEST_LABELS, (0,)))
STATED = "{{'descr': '{}', 'fortran_order': False, 'shape': {}, }}\n"


@pytest.mark.parametrize(
    "content",
    [
        with_header(STATED.format("|u1", "(-9, 4, -4)")),
        with_header(STATED.format("|u1", "(9, 4, 4)").rstrip("}\n")),
        with_header("(" * 900),
        with_header("'''"),
        with_header(STATED.format("<f8", "(9, 4, 4000000)")),
        with_header(STATED.format("|S999999999", "(9, 4, 4)")),
        with_header(STATED.format("zz", "(9, 4, 4)")),
    ],
)
def test_a_header_that_is_none(content: bytes, tmp_path: Path) -> None:
    for path in (tmp_path / "images.npy", tmp_path / "frey_faces" / "frey_faces.npy"):
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    with pytest.raises(UserError, match=r"images.npy: it cannot be read \("):
        Arrays(str(tmp_path / "images.npy")).load()
    with pytest.raises(UserError, match=r"frey_faces.npy is damaged \("):
        FreyFaces(str(tmp_path)).load()


@pytest.mark.parametrize("suffix", ["npy", "npz"])
def test_a_file_with_wrong_bytes_is_read_or_refused(suffix: str, tmp_path: Path) -> None:
    random, path = np.random.default_rng(0), tmp_path / f"images.{suffix}"
    images = random.integers(0, 256, (30, 5, 5), np.uint8)
    if suffix == "npy":
        np.save(path, images)
    else:
        np.savez_compressed(path, images=images)
    content, refused = path.read_bytes(), 0
    for _ in range(300):
        damaged = bytearray(content)
        for place in random.integers(-110, 110, random.integers(1, 5)):
            damaged[place] = random.integers(256)
        path.write_bytes(damaged)
        try:
            Arrays(str(path)).load()
        except UserError:
            refused += 1
    assert refused > 200


def test_an_archive_that_is_all_repetition(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vae_lab.data.array_file.BOMB_BYTES", 2**20)
    np.savez_compressed(tmp_path / "set.npz", images=np.zeros((2000, 30, 30), bool))
    with pytest.raises(UserError, match=r"cannot be read \(its [\d,]+ bytes would become 1,800,128, all of them rep"):
        Arrays(str(tmp_path / "set.npz")).load()
    np.savez_compressed(tmp_path / "set.npz", images=np.random.default_rng(0).random((2000, 30, 30)) < 0.05)
    Arrays(str(tmp_path / "set.npz")).load()


def test_the_numbers_of_images_fit_into_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vae_lab.data.arrays.available_memory", lambda: 2**16)
    np.save(tmp_path / "images.npy", np.zeros((10_000, 1, 1), bool))
    with pytest.raises(UserError, match="the numbers of its 10,000 images need at least"):
        Arrays(str(tmp_path / "images.npy")).load()


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda raw: write_idx(raw / TEST_IMAGES, pixels(8, 14, 56)), "its images have 14x56 pixels, not 28x28"),
        (lambda raw: write_idx(raw / TRAIN_LABELS, np.arange(30) % 10 + 1), "it has the label 10, not 0 to 9"),
        (lambda raw: [write_idx(raw / name, np.zeros(shape)) for name, shape in EMPTY], "it has no images"),
        (lambda raw: as_pipe(raw / TEST_IMAGES), "it is no file"),
        (lambda raw: as_folder(raw / TRAIN_LABELS), "it is no file"),
    ],
)
def test_parts_of_another_set(damage: Callable[[Path], Any], reason: str, tmp_path: Path) -> None:
    write_family(tmp_path / "KMNIST" / "raw", ("train", "t10k"))
    damage(tmp_path / "KMNIST" / "raw")
    with pytest.raises(UserError, match=rf"-ubyte is damaged \({reason}\)"):
        KMNIST(str(tmp_path), num_validation=5).load()


def as_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def as_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def test_letters_of_another_alphabet(tmp_path: Path) -> None:
    raw = tmp_path / "EMNIST" / "raw"
    write_family(raw, ("emnist-letters-train", "emnist-letters-test"))
    write_idx(raw / "emnist-letters-test-labels-idx1-ubyte", np.arange(8))
    with pytest.raises(UserError, match="has the label 0, not 1 to 26"):
        EMNIST(str(tmp_path), "letters", num_validation=5).load()


class InParts(ImageSet):
    """A data set of a user whose parts are given."""

    def __init__(self, *sizes: tuple[int, int]) -> None:
        self.sizes = sizes

    def load(self) -> Splits:
        parts = [(torch.zeros(num, 1, side, 4).byte(), torch.zeros(num).long()) for num, side in self.sizes]
        return Splits(*(Split(*part) for part in parts))


@pytest.mark.parametrize(
    ("sizes", "reason"),
    [
        (((9, 4), (2, 4), (0, 4)), "no test images"),
        (((0, 4), (2, 4), (2, 4)), "no training images"),
        (((9, 4), (2, 5), (2, 4)), "validation images are 1x5x4, its training images 1x4x4"),
    ],
)
def test_parts_that_do_not_belong_together(sizes: Any, reason: str) -> None:
    with pytest.raises(UserError, match=reason):
        load_chosen(InParts(*sizes), [], None)


@pytest.mark.parametrize("side", [11, 30])
def test_a_picture_of_too_many_pixels(side: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pillow warns above its limit and refuses above twice that."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    for number in range(3):
        Image.fromarray(pixels(side if number == 1 else 8, side)[:, : 8 if number != 1 else None]).save(
            tmp_path / f"{number}.png"
        )
    for color in ("auto", "rgb"):
        with pytest.raises(UserError, match=r"1.png has more than 100 pixels"):
            Folder(str(tmp_path), image_size=4, color=color).load()  # type: ignore[arg-type]


@pytest.mark.parametrize("path", ["x" * 5000, "x/" * 2500, "~nobody-of-this-name/set", "a\0b"])
@pytest.mark.parametrize("name", ["arrays", "folder", "frey_faces", "omniglot"])
@pytest.mark.usefixtures("offline")
def test_a_path_that_cannot_be(name: str, path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    config = composed(f"data={name}", "data.binarize=dynamic")
    config.data["root" if "root" in config.data else "path"] = path
    with pytest.raises(UserError, match=r"no such (file|folder)|(are|is) not in|no home folder"):
        build.data(config)
    assert not list(tmp_path.iterdir())


def test_an_encrypted_archive(tmp_path: Path) -> None:
    np.savez(tmp_path / "set.npz", images=pixels(9, 4, 4))
    content = bytearray((tmp_path / "set.npz").read_bytes())
    with zipfile.ZipFile(tmp_path / "set.npz") as archive:
        start = archive.start_dir
    content[start + 8] |= 1
    (tmp_path / "set.npz").write_bytes(content)
    with pytest.raises(UserError, match=r"cannot be read \(File 'images.npy' is encrypted"):
        Arrays(str(tmp_path / "set.npz")).load()
