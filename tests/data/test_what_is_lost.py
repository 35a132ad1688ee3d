"""Whatever a file holds and its images do not is refused, or told with the number of files."""

import logging
import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from helpers.composed import composed
from helpers.image_files import pixels
from vae_lab import build
from vae_lab.data.arrays import Arrays
from vae_lab.data.folder import Folder
from vae_lab.errors import UserError

GREY, COLOUR = pixels(8, 6), pixels(8, 6, 3)


def png(path: Path, values: np.ndarray, kind: int) -> None:
    """A PNG of 16 bits for each value, which Pillow does not write; `kind` is the format's number of its colours."""
    height, width = values.shape[:2]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    header = struct.pack(">IIBBBBB", width, height, 16, kind, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n")
    with path.open("ab") as file:
        for name, content in ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")):
            file.write(struct.pack(">I", len(content)) + name + content)
            file.write(struct.pack(">I", zlib.crc32(name + content)))


def deep_with_alpha(path: Path) -> None:
    png(path, 200 * np.ones((8, 6, 4)), 6)


def deep_grey_with_alpha(path: Path) -> None:
    png(path, 200 * np.ones((8, 6, 2)), 4)


def ten_bits(path: Path) -> None:
    path.write_bytes(b"P6 6 8 1023\n" + np.full((8, 6, 3), 900, ">u2").tobytes())


def pages(path: Path) -> None:
    Image.fromarray(GREY).save(path, format="TIFF", save_all=True, append_images=[Image.fromarray(GREY)] * 2)


def faint_ink(path: Path) -> None:
    white = Image.new("L", (6, 8), 255)
    Image.merge("LA", (white, Image.fromarray(GREY))).save(path, format="PNG")


def frames(path: Path) -> None:
    others = [Image.fromarray(255 - COLOUR), Image.fromarray(COLOUR // 2)]
    Image.fromarray(COLOUR).save(path, format="PNG", save_all=True, append_images=others)


def glass(path: Path) -> None:
    image = np.dstack([COLOUR, GREY])
    Image.fromarray(image).save(path, format="PNG")


def inks(path: Path) -> None:
    Image.fromarray(COLOUR).convert("CMYK").save(path, format="TIFF")


def folder_with(odd: Callable[[Path], None], path: Path, *, num_odd: int = 2, num: int = 9) -> Folder:
    suffix = {"deep": "png", "ten_": "ppm", "page": "tif", "inks": "tiff"}.get(odd.__name__[:4], "png")
    for number in range(num):
        if number < num_odd:
            odd(path / f"{number}.{suffix}")
        else:
            Image.fromarray(pixels(8, 6, 3)).save(path / f"{number}.png")
    return Folder(str(path), color="rgb")


@pytest.mark.parametrize(
    ("odd", "reason"),
    [
        (deep_with_alpha, "more than 8 bits"),
        (deep_grey_with_alpha, "more than 8 bits"),
        (ten_bits, "more than 8 bits"),
        (pages, "several pages"),
        (faint_ink, "white on a transparent ground"),
    ],
)
def test_what_would_be_lost_is_refused(odd: Callable[[Path], None], reason: str, tmp_path: Path) -> None:
    source = folder_with(odd, tmp_path)
    with pytest.raises(UserError, match=rf"/0\.\w+ .*{reason}.*\(2 of 7 files do\); \w+"):
        source.read([torch.arange(7)])  # those that are not used are not counted


@pytest.mark.parametrize(
    ("odd", "what"),
    [(frames, "several frames"), (glass, "transparent parts"), (inks, "converted from other colours")],
)
def test_what_is_changed_is_told(
    odd: Callable[[Path], None], what: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    folder_with(odd, tmp_path).load()
    assert [what in line and line.startswith("data: 2 of 9 pictures") for line in caplog.messages] == [True]


def test_version_0_2_read_what_is_refused_now(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    source = folder_with(ten_bits, tmp_path)
    source.rules = 1
    assert source.load().image_shape == (3, 8, 6)
    assert "data: 2 of 9 pictures has more than 8 bits" in caplog.text


def test_grey_is_what_has_grey_pixels(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    grey = [pixels(8, 6) for _ in range(4)]
    palette = Image.fromarray(grey[0]).convert("P", palette=Image.Palette.ADAPTIVE, colors=256)
    palette.save(tmp_path / "0.png")
    Image.fromarray(grey[1]).convert("RGB").save(tmp_path / "1.png")
    Image.fromarray(grey[2]).convert("RGBA").save(tmp_path / "2.png")
    Image.fromarray(grey[3]).save(tmp_path / "3.png")
    source = Folder(str(tmp_path))
    (read,) = source.read([torch.arange(4)])
    np.testing.assert_array_equal(read[:, 0].numpy(), grey)
    assert "3 of 4 pictures are stored in colour and are grey" in caplog.text
    source.rules = 1
    with pytest.raises(UserError, match=r"3.png is grey and .*0.png is coloured"):
        source.read([torch.arange(4)])


def test_edges_and_enlargement_are_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    for number, shape in enumerate([(16, 16), (16, 24), (33, 32), (8, 8)]):
        Image.fromarray(pixels(*shape)).save(tmp_path / f"{number}.png")
    Folder(str(tmp_path), image_size=12).load()
    edges, enlarged = caplog.messages
    assert edges.startswith("data: 2 of 4 pictures lose edges, as they have other proportions than data.image_size")
    assert enlarged.startswith("data: 1 of 4 pictures are smaller than data.image_size and are enlarged")
    assert [line.endswith(f"such as {tmp_path}/{name}.png") for line, name in ((edges, 1), (enlarged, 3))] == [True] * 2


def test_what_is_no_file_is_ignored_and_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    for number in range(4):
        (tmp_path / "set" / "a").mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels(8, 6)).save(tmp_path / "set" / "a" / f"{number}.png")
    os.mkfifo(tmp_path / "set" / "a" / "9.png")
    (tmp_path / "set" / "a" / "gone.png").symlink_to(tmp_path / "nothing")
    (tmp_path / "set" / "b").symlink_to(tmp_path / "set" / "a", target_is_directory=True)
    assert sum(len(split.images) for split in Folder(str(tmp_path / "set")).load()) == 4
    assert "data: 3 of 7 files are not pictures and are ignored" in caplog.text


def test_arrays_that_are_not_read_are_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    np.savez(tmp_path / "set.npz", images=pixels(9, 4, 4), masks=pixels(9, 4, 4), names=np.full(9, "x"))
    Arrays(str(tmp_path / "set.npz")).load()
    assert caplog.messages == ["data: 2 of the arrays in the file are not read (masks, names)"]


def of(images: np.ndarray, tmp_path: Path, *overrides: str) -> None:
    np.save(tmp_path / "images.npy", images)
    build.data(composed("data=arrays", f"data.path={tmp_path}/images.npy", "data.binarize=dynamic", *overrides))


def test_images_that_hold_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(UserError, match=r"^data=arrays: all pixels of all 9 images are 77 of 255, so there is nothing"):
        of(np.full((9, 4, 4), 77), tmp_path)
    of(np.stack([GREY] * 9), tmp_path)
    assert caplog.messages.pop() == "data=arrays: all 9 images are alike"
    images = pixels(9, 4, 4)
    images[[2, 5]] = 31
    of(images, tmp_path)
    assert caplog.messages.pop() == "data=arrays: 2 of 9 images are blank, all their pixels of one value"
    of(images > 99, tmp_path, "likelihood=laplace", "data.binarize=auto")
    assert "all pixels are black or white, and Laplace is for levels of grey" in caplog.messages[-1]
