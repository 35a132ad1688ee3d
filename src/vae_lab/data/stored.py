"""Data sets of large files: a run's images are chosen first, and then only their pixels are kept."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from vae_lab.configuration.machine import available_memory, check_memory
from vae_lab.data.image_set import ImageSet, Split, Splits, check_parts, leave_out, subsample_train

Array = np.ndarray[Any, np.dtype[Any]]


class StoredImages(ImageSet):
    """The base class of data sets whose images are chosen by their positions in a file, before pixels are read."""

    @abstractmethod
    def positions(self) -> Splits:
        """Return the three parts, with the position of each image, int64 of shape (N,), in the place of its pixels.

        Raises:
            UserError: if files are missing or damaged.
        """

    @abstractmethod
    def read(self, positions: Sequence[Tensor]) -> list[Tensor]:
        """Read images in one pass: 8-bit levels of shape (N, C, H, W) for each N positions, in tensors of their own.

        Raises:
            UserError: if the pixels are not images, or do not fit into memory.
        """

    def load(self) -> Splits:
        chosen = self.positions()
        return Splits(*with_pixels(self, list(chosen)))


def with_pixels(source: StoredImages, parts: Sequence[Split]) -> list[Split]:
    """Return the parts with their pixels in the place of their positions."""
    images = source.read([part.images for part in parts])
    return [part._replace(images=pixels) for part, pixels in zip(parts, images, strict=True)]


def load_chosen(source: ImageSet, classes: Sequence[int | str], num_train: int | None) -> tuple[Splits, Split | None]:
    """Load a data set without some classes, and with some of its training images; see `leave_out`.

    Args:
        source: the data set.
        classes: the classes to leave out, by their labels or names.
        num_train: the number of training images, or None for all of them.

    Returns:
        The three parts, and the test images that were left out.

    Raises:
        UserError: if the data set cannot be read, or a choice does not fit it.
    """
    whole = source.positions() if isinstance(source, StoredImages) else source.load()
    check_parts(whole)
    rest, left_out = leave_out(whole, classes, source.class_names() if classes else {})
    chosen = subsample_train(rest, num_train)
    if not isinstance(source, StoredImages):
        return chosen, left_out
    train, val, test, *others = with_pixels(source, [*chosen, *([] if left_out is None else [left_out])])
    return Splits(train, val, test), others[0] if others else None


class Destination:
    """The tensors that images are read into, one piece of a file after the other.

    Args:
        positions: those of the images of each tensor, in the order of the tensor.
        image_shape: channels, height, width.
        source: where the images are from, for an error message, as `data.path=FILE`.

    Attributes:
        tensors: uint8, of shape (N, C, H, W).

    Raises:
        UserError: if they do not fit into memory.
    """

    def __init__(self, positions: Sequence[Tensor], image_shape: tuple[int, ...], source: str) -> None:
        num, size = sum(map(len, positions)), int(np.prod(image_shape, dtype=np.int64))
        check_memory(
            num * size,
            available_memory(),
            f"{source}: {num:,} images of {'x'.join(map(str, image_shape))} values",
            "use fewer of them (data.num_train, data.num_validation, data.num_test) or smaller ones",
        )
        self.tensors = [torch.empty((len(part), *image_shape), dtype=torch.uint8) for part in positions]
        self._sorted = [(part.sort(stable=True)) for part in positions]

    def fill(self, first: int, pixels: Array, place: Any = ..., *, channels_last: bool = False) -> None:
        """Copy those of some successive images that are wanted.

        Args:
            first: the position of the first.
            pixels: levels of shape (K, C, H, W), or a part of them.
            place: which part of the last dimension `pixels` are, a slice; all of it by default.
            channels_last: whether `pixels` have the shape (K, H, W, C).
        """
        for tensor, (wanted, rows) in zip(self.tensors, self._sorted, strict=True):
            start, stop = torch.searchsorted(wanted, torch.tensor([first, first + len(pixels)])).tolist()
            images = tensor.movedim(1, -1) if channels_last else tensor
            target = images.numpy()[..., place] if place is not ... else images.numpy()
            target[rows[start:stop].numpy()] = pixels[wanted[start:stop].numpy() - first]
