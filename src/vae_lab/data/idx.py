"""Reader of MNIST's file format IDX: big-endian sizes, then one byte for each value.

http://yann.lecun.com/exdb/mnist/
"""

import struct
from math import prod
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from vae_lab.data.image_set import Split
from vae_lab.data.torchvision_set import damaged_file


def read_split(images: Path, labels: Path) -> Split:
    """Read images and their labels from a pair of files.

    Raises:
        UserError: if a file is damaged.
    """
    pixels, classes = read(images, num_dims=3), read(labels, num_dims=1)
    if len(pixels) != len(classes):
        raise damaged_file(labels, f"it has {len(classes):,} labels for {len(pixels):,} images")
    return Split(pixels.unsqueeze(1), classes.long())  # (N, 1, H, W)


def read(path: Path, num_dims: int) -> Tensor:
    """Read the bytes of a file, in the shape that its header gives.

    Raises:
        UserError: if the header is not that of an IDX file, or the number of bytes does not match it.
    """
    start = 4 * (1 + num_dims)
    with path.open("rb") as file:
        header = file.read(start)
        if len(header) < start or header[:4] != bytes([0, 0, 8, num_dims]):
            raise damaged_file(path, "its header is not that of an IDX file of bytes")
        shape = struct.unpack(f">{num_dims}I", header[4:])
        available = path.stat().st_size - start
        if available != prod(shape):
            raise damaged_file(path, f"it has {available:,} bytes for {prod(shape):,} values")
        return torch.from_numpy(np.fromfile(file, np.uint8).reshape(shape))
