"""Reader of MNIST's file format IDX: big-endian sizes, then one byte for each value.

http://yann.lecun.com/exdb/mnist/
"""

import struct
from math import prod
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from vae_lab.configuration.machine import available_memory, check_memory
from vae_lab.data.image_set import Split
from vae_lab.data.torchvision_set import damaged_file

SHAPE = (28, 28)  # height and width of images


def read_split(images: Path, labels: Path, classes: range) -> Split:
    """Read images of MNIST's size and their labels from a pair of files.

    Args:
        images: the file of the images.
        labels: the file of their labels.
        classes: the labels that the data set has.

    Raises:
        UserError: if a file is damaged, or holds something else.
    """
    pixels, numbers = read(images, num_dims=3), read(labels, num_dims=1)
    if len(pixels) != len(numbers):
        raise damaged_file(labels, f"it has {len(numbers):,} labels for {len(pixels):,} images")
    if pixels.shape[1:] != SHAPE:
        sizes = ["x".join(map(str, shape)) for shape in (pixels.shape[1:], SHAPE)]
        raise damaged_file(images, f"its images have {sizes[0]} pixels, not {sizes[1]}")
    if not len(pixels):
        raise damaged_file(images, "it has no images")
    for found in (int(numbers.min()), int(numbers.max())):
        if found not in classes:
            raise damaged_file(labels, f"it has the label {found}, not {classes[0]} to {classes[-1]}")
    return Split(pixels.unsqueeze(1), numbers.long())  # (N, 1, H, W)


def read(path: Path, num_dims: int) -> Tensor:
    """Read the bytes of a file, in the shape that its header gives.

    Raises:
        UserError: if the header is not that of an IDX file, or the number of bytes does not match it.
    """
    start = 4 * (1 + num_dims)
    if not path.is_file():  # a pipe would wait for ever
        raise damaged_file(path, "it is no file")
    with path.open("rb") as file:
        header = file.read(start)
        if len(header) < start or header[:4] != bytes([0, 0, 8, num_dims]):
            raise damaged_file(path, "its header is not that of an IDX file of bytes")
        shape = struct.unpack(f">{num_dims}I", header[4:])
        available = path.stat().st_size - start
        if available != prod(shape):
            raise damaged_file(path, f"it has {available:,} bytes for {prod(shape):,} values")
        check_memory(available, available_memory(), f"data.root: the values of {path}", "use a smaller data set")
        return torch.from_numpy(np.fromfile(file, np.uint8).reshape(shape))
