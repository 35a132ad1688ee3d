"""Images are chosen before their pixels are read, so a large file takes the memory of what is used of it."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from helpers.composed import composed
from helpers.image_files import all_of, pairs, pixels
from vae_lab import build
from vae_lab.data import array_file, module
from vae_lab.data.arrays import Arrays
from vae_lab.data.batches import binarize
from vae_lab.data.folder import Folder
from vae_lab.data.image_set import SPLIT_SEED, ImageSet, leave_out, subsample_train
from vae_lab.data.module import apply_treatment
from vae_lab.data.stored import load_chosen
from vae_lab.errors import UserError
from vae_lab.seeding import RngStream, generator

PEAK = """
import sys
from pathlib import Path
from vae_lab import build
from helpers.composed import composed

def memory(name):
    fields = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return 1024 * int(fields[name].split()[0])

build.data(composed("data=digits"))  # what a first use of the libraries takes
for options in sys.argv[2:]:
    config = composed("data=arrays", f"data.path={sys.argv[1]}", *options.split())
    Path("/proc/self/clear_refs").write_text("5")  # forgets the peak so far
    before = memory("VmRSS")
    data = build.data(config)
    data.pixel_mean()
    print(memory("VmHWM") - before, sum(part.images.nbytes for part in (data.train, data.val, data.test)))
    del data
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="the system does not tell the peak of memory")
def test_the_peak_of_memory_is_little_more_than_what_is_used(tmp_path: Path) -> None:
    # Colour images with the channels last and as 16-bit integers, twice the bytes of the levels that are used.
    path = tmp_path / "big.npy"
    images = np.lib.format.open_memmap(path, "w+", np.uint16, (8_000, 64, 64, 3))
    images[:] = np.arange(64 * 64 * 3).reshape(64, 64, 3) % 256
    images.flush()
    options = ["data.binarize=dynamic", "data.binarize=static", "data.num_train=200 data.binarize=dynamic"]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", PEAK, str(path), *options], capture_output=True, text=True, check=True, env=env
    )
    for line in done.stdout.splitlines():
        taken, used = map(int, line.split())
        assert taken < 1.1 * used + 48 * 2**20  # pieces of the file, and positions


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("shape", [(60, 9, 7), (60, 9, 7, 3), (60, 3, 9, 7)])
def test_a_file_of_many_pieces(shape: Any, order: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(array_file, "PIECE_BYTES", 500)
    images = pixels(*shape)
    np.save(tmp_path / "images.npy", np.asarray(images, order=order))
    splits = Arrays(str(tmp_path / "images.npy")).load()
    first = images[:, None] if images.ndim == 3 else images.transpose(0, 3, 1, 2) if shape[-1] == 3 else images
    assert all_of(splits, 3) == pairs(first, np.zeros(60))


def as_pictures(folder: Path, images: np.ndarray, labels: np.ndarray) -> ImageSet:
    from PIL import Image

    for number, (image, label) in enumerate(zip(images, labels, strict=True)):
        (folder / str(label)).mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(folder / str(label) / f"{number}.png")
    return Folder(str(folder))


def as_arrays(folder: Path, images: np.ndarray, labels: np.ndarray) -> ImageSet:
    np.savez(folder / "set.npz", images=images, labels=labels)
    return Arrays(str(folder / "set.npz"))


@pytest.mark.parametrize("stored", [as_arrays, as_pictures])
def test_chosen_images_are_those_that_would_be_chosen_of_all(stored: Any, tmp_path: Path) -> None:
    source = stored(tmp_path, pixels(200, 5, 4), np.arange(200) % 5)
    chosen, left_out = load_chosen(source, [2, 4], 50)
    rest, others = leave_out(source.load(), [2, 4])
    expected = [*subsample_train(rest, 50), others]
    for part, other in zip([*chosen, left_out], expected, strict=True):
        assert torch.equal(part.images, other.images)
        assert torch.equal(part.labels, other.labels)


@pytest.mark.parametrize("treatment", ["static", "threshold"])
@pytest.mark.parametrize("in_place", [True, False])
def test_a_treatment_in_pieces_is_that_of_the_whole(
    treatment: Any, in_place: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    split = build.data(
        composed("data=digits", "data.binarize=none", "likelihood=gaussian", "data.dequantize=none")
    ).test
    given = split._replace(images=split.images.clone())
    whole = binarize(split.images, generator("cpu", SPLIT_SEED, RngStream.HELD_OUT, 2))
    monkeypatch.setattr(module, "PIECE_VALUES", 7 * 64)
    treated = apply_treatment(given, treatment, 2, in_place=in_place).images
    white = whole.bool() if treatment == "static" else split.images > 127
    assert torch.equal(treated, white * torch.tensor(255).byte())
    assert torch.equal(given.images, treated if in_place else split.images)


def test_an_array_that_is_shorter_than_it_says(tmp_path: Path) -> None:
    np.save(tmp_path / "images.npy", pixels(60, 9, 7))
    content = (tmp_path / "images.npy").read_bytes()
    (tmp_path / "images.npy").write_bytes(content[:-10])
    with pytest.raises(UserError, match=r"cannot be read \(it has 3,770 bytes for an array of 3,780\)"):
        Arrays(str(tmp_path / "images.npy")).load()
    with (tmp_path / "images.npy").open("wb") as file:
        stated = {"descr": "|u1", "fortran_order": False, "shape": (60_000, 60_000, 60_000)}
        np.lib.format.write_array_header_1_0(file, stated)
    with pytest.raises(UserError, match=r"it has 0 bytes for an array of 216,000,000,000,000"):
        Arrays(str(tmp_path / "images.npy")).load()
