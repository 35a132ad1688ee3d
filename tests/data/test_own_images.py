"""A user's own images: read as they are, or refused in one line that names what to do."""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from helpers.image_files import RANDOM, all_of, pairs, pixels
from vae_lab.data.arrays import Arrays
from vae_lab.data.folder import Folder
from vae_lab.data.image_set import Splits
from vae_lab.errors import UserError

# Arrays


def load_arrays(tmp_path: Path, images: np.ndarray, *, num: float | int = 0.1, **options: Any) -> Splits:
    np.save(tmp_path / "images.npy", images)
    return Arrays(str(tmp_path / "images.npy"), num_validation=num, num_test=num, **options).load()


@pytest.mark.parametrize(
    ("shape", "channels", "image_shape"),
    [
        ((60, 9, 7), "auto", (1, 9, 7)),
        ((60, 3, 9, 7), "auto", (3, 9, 7)),
        ((60, 9, 7, 3), "auto", (3, 9, 7)),
        ((60, 9, 7, 1), "auto", (1, 9, 7)),
        ((60, 3, 9, 3), "first", (3, 9, 3)),
        ((60, 3, 9, 3), "last", (3, 3, 9)),
        ((60, 5, 9, 7), "first", (5, 9, 7)),
        ((60, 9, 7, 5), "last", (5, 9, 7)),
    ],
)
def test_arrays_of_any_layout(shape: tuple[int, ...], channels: Any, image_shape: Any, tmp_path: Path) -> None:
    images = pixels(*shape)
    splits = load_arrays(tmp_path, images, channels=channels)
    assert [len(part.images) for part in splits] == [48, 6, 6]
    assert splits.image_shape == image_shape
    first = images[:, None] if images.ndim == 3 else images
    if images.ndim == 4 and image_shape != shape[1:]:
        first = images.transpose(0, 3, 1, 2)
    assert all_of(splits, 3) == pairs(first, np.zeros(60))


def test_arrays_with_labels(tmp_path: Path) -> None:
    images, labels = pixels(60, 4, 4), RANDOM.integers(0, 5, 60)
    np.savez_compressed(tmp_path / "set.npz", images=images, labels=labels, authors=np.array(["me"], dtype=object))
    assert all_of(Arrays(str(tmp_path / "set.npz"), num_test=7).load(), 3) == pairs(images, labels)


LEVELS = np.arange(256).reshape(4, 8, 8)


@pytest.mark.parametrize(
    "values",
    [
        *(LEVELS.astype(kind) for kind in (np.uint8, np.int16, np.int64, np.uint64)),
        *((LEVELS / 255).astype(kind) for kind in (np.float16, np.float32, np.float64)),
        np.asfortranarray(LEVELS / 255),
        LEVELS.astype(">i4"),
    ],
)
def test_arrays_of_levels_are_kept_exactly(
    values: np.ndarray, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    assert all_of(load_arrays(tmp_path, values, num=1), 3) == pairs(LEVELS.astype(np.uint8), np.zeros(4))
    assert not caplog.messages


def test_truth_values_are_black_and_white(tmp_path: Path) -> None:
    splits = load_arrays(tmp_path, LEVELS > 100, num=1)
    assert all_of(splits, 3) == pairs((LEVELS > 100) * np.uint8(255), np.zeros(4))


def test_floats_between_levels_are_rounded_with_a_note(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    splits = load_arrays(tmp_path, (LEVELS + 0.25).clip(0, 255) / 255, num=1)
    assert all_of(splits, 3) == pairs(LEVELS.astype(np.uint8), np.zeros(4))
    assert "rounded to 8-bit levels, the farthest by 0.25 of a level" in caplog.text


@pytest.mark.parametrize(
    ("images", "reason"),
    [
        (np.full((9, 4, 4), np.nan), "NaN or infinite"),
        (np.full((9, 4, 4), np.inf), "NaN or infinite"),
        (np.full((9, 4, 4), 1.5), r"floats \(float64\) lie in 1.5..1.5, not in 0..1; .*images = images / 255$"),
        (np.full((9, 4, 4), -1), r"integers \(int64\) lie in -1..-1, not in 0..255; .* \+ 128\).astype\('uint8'\)$"),
        (np.full((9, 4, 4), 256), "not in 0..255; .*images / 1023$"),
        (np.zeros((9, 4, 4), np.uint8), r"all its integers are 0, .*round\(\)"),
        (np.ones((9, 4, 4), int), "all 0 or 1"),
        (np.ones((9, 4, 4), complex), "type complex128"),
        (np.full((9, 4, 4), "a"), "type <U1"),
        (np.full((9, 4, 4), None), "it cannot be read .*allow_pickle"),
        (np.ones((9, 16)), r"got \(9, 16\); reshape them"),
        (np.ones((0, 4, 4)), "have no pixels"),
        (np.ones((9, 3, 4, 3)), "both the second and the last .*data.channels=first or"),
        (np.ones((9, 4, 4, 4)), "neither the second nor the last .*data.channels=first or"),
        (np.ones((2, 4, 4)), "2 images cannot be split"),
    ],
)
def test_arrays_that_are_no_images(images: np.ndarray, reason: str, tmp_path: Path) -> None:
    np.save(tmp_path / "images.npy", images, allow_pickle=True)
    with pytest.raises(UserError, match=reason):
        Arrays(str(tmp_path / "images.npy")).load()


def test_the_range_that_is_told_is_that_of_the_whole_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the line that is proposed makes images of it."""
    monkeypatch.setattr("vae_lab.data.array_file.PIECE_BYTES", 64)
    images = np.linspace(-0.5, 2.25, 9 * 16).reshape(9, 4, 4).astype(np.float32)
    with pytest.raises(UserError, match=r"\(float32\) lie in -0.5..2.25, not in 0..1") as refused:
        load_arrays(tmp_path, images)
    line = str(refused.value).partition("images = ")[2]
    assert load_arrays(tmp_path, eval(line, {"images": images})).train.images.max() == 255


def test_channels_of_images_without_them(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"leave data.channels=auto"):
        load_arrays(tmp_path, pixels(9, 4, 4), channels="first")


@pytest.mark.parametrize(
    "labels", [np.zeros(8, int), np.zeros(9), np.full(9, -1), np.zeros((9, 1), int), np.full(9, "cat")]
)
def test_labels_that_are_none(labels: np.ndarray, tmp_path: Path) -> None:
    np.savez(tmp_path / "set.npz", images=pixels(9, 4, 4), labels=labels)
    with pytest.raises(UserError, match=r"its labels are .* save one whole number from 0 for each of the 9 images"):
        Arrays(str(tmp_path / "set.npz")).load()


def test_a_file_that_is_no_array(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no such file"):
        Arrays(str(tmp_path / "none.npy")).load()
    for content in (b"", b"hello", b"\x93NUMPY\x01\x00", b"PK\x03\x04 broken"):
        (tmp_path / "odd.npy").write_bytes(content)
        with pytest.raises(UserError, match=r"cannot be read .*give a .npy or .npz file"):
            Arrays(str(tmp_path / "odd.npy")).load()
    np.savez(tmp_path / "set.npz", x=pixels(9, 4, 4))
    with pytest.raises(UserError, match=r"no key 'images' \(it has x\)"):
        Arrays(str(tmp_path / "set.npz")).load()


# Folders of pictures


def write_picture(path: Path, image: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path)


@pytest.mark.parametrize("shape", [(9, 7), (9, 7, 3)])
def test_a_folder_of_pictures(shape: tuple[int, ...], tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    images = pixels(60, *shape)
    for number, image in enumerate(images):
        write_picture(tmp_path / f"{number}.{'png' if number % 2 else 'BMP'}", image)
    (tmp_path / ".hidden.png").write_bytes(b"no picture")
    (tmp_path / ".cache").mkdir()
    (tmp_path / ".cache" / "small.png").write_bytes(b"no picture")
    (tmp_path / "notes.txt").write_text("where they are from")
    splits = Folder(str(tmp_path)).load()
    assert [len(part.images) for part in splits] == [48, 6, 6]
    channels_first = images[:, None] if len(shape) == 2 else images.transpose(0, 3, 1, 2)
    assert all_of(splits, 3) == pairs(channels_first, np.zeros(60))
    assert "1 of 61 files are not pictures and are ignored, such as" in caplog.text
    again = Folder(str(tmp_path)).load()
    assert all(torch.equal(a.images, b.images) for a, b in zip(splits, again, strict=True))


def test_subfolders_are_classes(tmp_path: Path) -> None:
    images, owners = pixels(12, 5, 5), np.arange(12) % 3
    for number, (image, owner) in enumerate(zip(images, owners, strict=True)):
        deeper = "more/" if number < 4 else ""
        write_picture(tmp_path / ("cat", "dog", "eel")[owner] / f"{deeper}{number}.png", image)
    assert all_of(Folder(str(tmp_path)).load(), 3) == pairs(images, owners)
    write_picture(tmp_path / "stray.png", images[0])
    with pytest.raises(UserError, match=r"stray.png lies beside the subfolders, and .*cat"):
        Folder(str(tmp_path)).load()


def test_pictures_of_different_sizes(tmp_path: Path) -> None:
    for number in range(5):
        write_picture(tmp_path / f"{number}.png", np.full((20, 30 + (number == 3)), 90, np.uint8))
    with pytest.raises(UserError, match=r"0.png has 20x30 pixels and .*3.png has 20x31; .*data.image_size="):
        Folder(str(tmp_path)).load()
    assert Folder(str(tmp_path), image_size=16).load().image_shape == (1, 16, 16)
    splits = Folder(str(tmp_path), image_size=(10, 14)).load()
    assert splits.image_shape == (1, 10, 14)
    assert (splits.train.images == 90).all()


def test_scaling_cuts_the_edges_and_keeps_the_proportions(tmp_path: Path) -> None:
    wide = np.zeros((20, 40), np.uint8)
    wide[:, 10:30] = 200
    for number in range(3):
        write_picture(tmp_path / f"{number}.png", wide)
    assert (Folder(str(tmp_path), image_size=20).load().train.images == 200).all()


def test_grey_and_coloured_pictures_together(tmp_path: Path) -> None:
    for number in range(4):
        write_picture(tmp_path / f"{number}.png", np.full((8, 8, 3) if number == 2 else (8, 8), 100, np.uint8))
    assert Folder(str(tmp_path)).load().image_shape == (1, 8, 8), "all of them are grey"
    bluish = np.full((8, 8, 3), 100, np.uint8)
    bluish[3, 3, 2] = 101
    write_picture(tmp_path / "2.png", bluish)
    with pytest.raises(UserError, match=r"0.png is grey and .*2.png is coloured; choose data.color=gray or"):
        Folder(str(tmp_path)).load()
    for color, channels in (("gray", 1), ("rgb", 3)):
        splits = Folder(str(tmp_path), color=color).load()
        assert splits.image_shape == (channels, 8, 8)
        assert (splits.train.images // 2 == 50).all()


def test_pictures_are_upright_and_on_white(tmp_path: Path) -> None:
    tall = np.zeros((10, 6), np.uint8)
    tall[:3] = 255
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned a quarter to the right
    for number in range(3):
        Image.fromarray(np.rot90(tall)).save(tmp_path / f"{number}.png", exif=exif)
    np.testing.assert_array_equal(Folder(str(tmp_path)).load().train.images[0, 0], tall)
    for number in range(3):
        glass = np.zeros((4, 4, 4), np.uint8)
        glass[:2, :, 0] = 200
        glass[:2, :, 3] = 255
        write_picture(tmp_path / "glass" / f"{number}.png", glass)
    image = Folder(str(tmp_path / "glass")).load().train.images[0]
    assert image.shape == (3, 4, 4)
    assert (image[1:, :2] == 0).all()
    assert (image[:, 2:] == 255).all()


def test_a_folder_with_something_else(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no such folder"):
        Folder(str(tmp_path / "none")).load()
    with pytest.raises(UserError, match="there are no pictures in it"):
        Folder(str(tmp_path)).load()
    for number in range(3):
        write_picture(tmp_path / f"{number}.png", pixels(4, 4))
    content = (tmp_path / "1.png").read_bytes()
    for broken in (b"no picture", content[: len(content) // 2], b""):
        (tmp_path / "1.png").write_bytes(broken)
        for color in ("auto", "gray"):
            with pytest.raises(UserError, match=r"1.png cannot be read as a picture .*take it out"):
                Folder(str(tmp_path), color=color).load()
    write_picture(tmp_path / "1.png", np.full((4, 4), 1000, np.uint16))
    with pytest.raises(UserError, match=r"1.png has more than 8 bits"):
        Folder(str(tmp_path)).load()
