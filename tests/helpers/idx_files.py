"""Files in MNIST's format, as tests write them."""

import struct
from pathlib import Path

import numpy as np

from helpers.image_files import RANDOM, pixels


def write_idx(path: Path, values: np.ndarray) -> None:
    """Write a file as MNIST's are."""
    path.parent.mkdir(parents=True, exist_ok=True)
    header = bytes([0, 0, 8, values.ndim]) + struct.pack(f">{values.ndim}I", *values.shape)
    path.write_bytes(header + values.astype(np.uint8).tobytes())


def write_family(folder: Path, prefixes: tuple[str, str]) -> tuple[np.ndarray, ...]:
    """A training set of 30 and a test set of 8 images: images and labels of both."""
    written = []
    for prefix, num in zip(prefixes, (30, 8), strict=True):
        images, labels = pixels(num, 28, 28), RANDOM.integers(1, 10, num)
        write_idx(folder / f"{prefix}-images-idx3-ubyte", images)
        write_idx(folder / f"{prefix}-labels-idx1-ubyte", labels)
        written += [images, labels]
    return tuple(written)
