"""A data set from a NumPy file."""

import logging
from collections.abc import Sequence
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from vae_lab.configuration.machine import available_memory, check_memory
from vae_lab.configuration.options import DataPath, SplitSize
from vae_lab.configuration.paths import absolute, exists
from vae_lab.data.array_file import DAMAGED, UNREADABLE, ArrayFile, describe, members
from vae_lab.data.image_set import Split, Splits, train_val_test_split
from vae_lab.data.levels import LevelConverter
from vae_lab.data.stored import Destination, StoredImages
from vae_lab.errors import UserError

log = logging.getLogger(__name__)

KEYS = ("images", "labels")
CHANNELS = (1, 3)
BYTES_PER_POSITION = 32  # an image's number and its label, and their order while they are split


class Arrays(StoredImages):
    """Images from a `.npy` file, or from an `.npz` file with the keys `images` and, optionally, `labels`.

    Images have the shape (N, H, W), (N, C, H, W) or (N, H, W, C). Their values are bytes 0..255 (or other integers in
    that range), booleans, or floats in [0, 1]. Labels are whole numbers from 0, of shape (N,); those
    that occur are the classes. Files with Python
    objects are not opened, since reading them could run code.

    Args:
        path: the file.
        channels: the position of the channels, `first` or `last`; `auto` infers it from the sizes.
        num_validation: images held out for validation, a number or a fraction.
        num_test: images held out for testing, a number or a fraction.
    """

    def __init__(
        self,
        path: DataPath,
        channels: Literal["auto", "first", "last"] = "auto",
        num_validation: SplitSize = 0.1,
        num_test: SplitSize = 0.1,
    ) -> None:
        self.path = absolute(path)
        self.channels = channels
        self.num_validation = num_validation
        self.num_test = num_test

    def positions(self) -> Splits:
        arrays = self._arrays()
        images, labels = arrays["images"], arrays.get("labels")
        self._image_shape(images.shape)
        unread = [name for name in members(self.path) or [] if name not in KEYS]
        if unread:
            log.info("data: %s of the arrays in the file are not read (%s)", len(unread), ", ".join(unread))
        check_memory(
            BYTES_PER_POSITION * images.shape[0],
            available_memory(),
            f"data.path={self.path}: the numbers of its {images.shape[0]:,} images",
            "give a file of fewer",
        )
        numbers = torch.arange(images.shape[0])
        classes = torch.zeros_like(numbers) if labels is None else self._labels(labels, len(numbers))
        return train_val_test_split(Split(numbers, classes), self.num_validation, self.num_test)

    def read(self, positions: Sequence[Tensor]) -> list[Tensor]:
        images = self._arrays()["images"]
        image_shape, channels_last = self._image_shape(images.shape)
        source = f"data.path={self.path}"
        levels, destination = LevelConverter(images.dtype, source), Destination(positions, image_shape, source)
        try:
            for place, piece in images.pieces():
                converted = levels.convert(piece)
                pixels = converted[:, None] if len(images.shape) == 3 else converted
                if images.fortran:
                    destination.fill(0, pixels, place, channels_last=channels_last)
                else:
                    destination.fill(place.start, pixels, channels_last=channels_last)
        except UNREADABLE as error:
            raise self._unreadable(error) from error
        levels.finish()
        return destination.tensors

    def _arrays(self) -> dict[str, ArrayFile]:
        """Return the arrays `images` and, if there are any, `labels`, unread."""
        if not (exists(self.path) and self.path.is_file()):
            raise self._error("there is no such file; give a .npy or .npz file")
        try:
            names = members(self.path)
            if names is None:
                return {"images": describe(self.path, None)}
            arrays = {name: describe(self.path, name) for name in names if name in KEYS}
        except DAMAGED as error:
            raise self._unreadable(error) from error
        if "images" not in arrays:
            keys = ", ".join(names) or "no keys"
            raise self._error(
                f"it has no key 'images' (it has {keys}); save it with numpy.savez(path, images=..., labels=...)"
            )
        return arrays

    def _image_shape(self, shape: tuple[int, ...]) -> tuple[tuple[int, int, int], bool]:
        """Return the shape (C, H, W) of the images of an array, and whether it has the channels last.

        Raises:
            UserError: if an array of this shape holds no images.
        """
        if 0 in shape:
            raise self._error(f"its images of shape {shape} have no pixels; save at least one image")
        if len(shape) == 3 and self.channels == "auto":
            return (1, *shape[1:]), False
        if len(shape) == 3:
            raise self._error(f"its images of shape {shape} have no channel dimension; leave data.channels=auto")
        if len(shape) != 4:
            raise self._error(
                f"expected images of shape (N, H, W), (N, C, H, W) or (N, H, W, C), got {shape}; reshape them"
            )
        first, last = shape[1] in CHANNELS, shape[3] in CHANNELS
        if self.channels == "auto" and first == last:
            which = "both the second and the last" if first else "neither the second nor the last"
            raise self._error(
                f"in the shape {shape} of its images, {which} size may be channels (1 or 3); choose "
                "data.channels=first or data.channels=last"
            )
        if self.channels == "last" or (self.channels == "auto" and last):
            return (shape[3], shape[1], shape[2]), True
        return (shape[1], shape[2], shape[3]), False

    def _labels(self, labels: ArrayFile, num_images: int) -> Tensor:
        if labels.shape == (num_images,) and labels.dtype.kind in "iu":
            try:
                values = labels.read()
            except UNREADABLE as error:
                raise self._unreadable(error) from error
            if values.min() >= 0 and values.max() < 2**63:
                return torch.from_numpy(values.astype(np.int64))
        raise self._error(
            f"its labels are {labels.dtype} values of shape {labels.shape}; save one whole number from 0 for each of "
            f"the {num_images:,} images, or leave the labels out"
        )

    def _unreadable(self, error: Exception) -> UserError:
        reason = str(error).partition("\n")[0]
        return self._error(
            f"it cannot be read ({reason}); give a .npy or .npz file of numbers, saved with numpy.save or numpy.savez"
        )

    def _error(self, reason: str) -> UserError:
        return UserError(f"data.path={self.path}: {reason}")
