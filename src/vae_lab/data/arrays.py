"""A data set from a NumPy file."""

import zipfile
import zlib
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from vae_lab.configuration.options import SplitSize
from vae_lab.data.image_set import ImageSet, Split, Splits, train_val_test_split
from vae_lab.data.levels import as_levels
from vae_lab.errors import UserError

Array = np.ndarray[Any, np.dtype[Any]]

KEYS = ("images", "labels")
CHANNELS = (1, 3)

# NumPy's errors for a file of another format, a truncated file, or a file with Python objects.
UNREADABLE = (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error)


class Arrays(ImageSet):
    """Images from a `.npy` file, or from an `.npz` file with the keys `images` and, optionally, `labels`.

    Images have the shape (N, H, W), (N, C, H, W) or (N, H, W, C). Their values are bytes 0..255 (or other integers in
    that range), booleans, or floats in [0, 1]. Labels are integers counted from 0, of shape (N,). Files with Python
    objects are not opened, since reading them could run code.

    Args:
        path: the file.
        channels: the position of the channels, `first` or `last`; `auto` infers it from the sizes.
        num_validation: images held out for validation, a number or a fraction.
        num_test: images held out for testing, a number or a fraction.
    """

    def __init__(
        self,
        path: str,
        channels: Literal["auto", "first", "last"] = "auto",
        num_validation: SplitSize = 0.1,
        num_test: SplitSize = 0.1,
    ) -> None:
        self.path = Path(path).expanduser().absolute()
        self.channels = channels
        self.num_validation = num_validation
        self.num_test = num_test

    def load(self) -> Splits:
        arrays = read(self.path)
        images = as_levels(self._channels_first(arrays["images"]), f"data.path={self.path}")
        data = Split(torch.from_numpy(images), self._labels(arrays.get("labels"), len(images)))
        return train_val_test_split(data, self.num_validation, self.num_test)

    def _channels_first(self, images: Array) -> Array:
        """Return the images in the shape (N, C, H, W)."""
        if 0 in images.shape:
            raise self._error(f"its images of shape {images.shape} have no pixels; save at least one image")
        if images.ndim == 3 and self.channels == "auto":
            return images[:, None]
        if images.ndim == 3:
            raise self._error(f"its images of shape {images.shape} have no channel dimension; leave data.channels=auto")
        if images.ndim != 4:
            raise self._error(
                f"expected images of shape (N, H, W), (N, C, H, W) or (N, H, W, C), got {images.shape}; reshape them"
            )
        first, last = images.shape[1] in CHANNELS, images.shape[3] in CHANNELS
        if self.channels == "auto" and first == last:
            which = "both the second and the last" if first else "neither the second nor the last"
            raise self._error(
                f"in the shape {images.shape} of its images, {which} size may be channels (1 or 3); choose "
                "data.channels=first or data.channels=last"
            )
        channels_last = self.channels == "last" or (self.channels == "auto" and last)
        return np.moveaxis(images, 3, 1) if channels_last else images

    def _labels(self, labels: Array | None, num_images: int) -> Tensor:
        if labels is None:
            return torch.zeros(num_images, dtype=torch.int64)
        if labels.shape != (num_images,) or labels.dtype.kind not in "iu" or labels.min() < 0:
            raise self._error(
                f"its labels are {labels.dtype} values of shape {labels.shape}; save one integer from 0 for each of "
                f"the {num_images:,} images, or leave the labels out"
            )
        return torch.from_numpy(labels.astype(np.int64))

    def _error(self, reason: str) -> UserError:
        return UserError(f"data.path={self.path}: {reason}")


def read(path: Path) -> dict[str, Array]:
    """Read the arrays `images` and, if present, `labels` from a file, without unpickling objects.

    Raises:
        UserError: if the file does not exist, cannot be read, or has no images.
    """
    if not path.is_file():
        raise UserError(f"data.path={path}: there is no such file; give a .npy or .npz file")
    try:
        with path.open("rb") as file:
            content = np.load(file, allow_pickle=False)
            if isinstance(content, np.ndarray):
                return {"images": content}
            names = list(content.files)
            arrays = {name: content[name] for name in names if name in KEYS}
    except UNREADABLE as error:
        reason = str(error).partition("\n")[0]
        raise UserError(
            f"data.path={path}: it cannot be read ({reason}); give a .npy or .npz file of numbers, "
            "saved with numpy.save or numpy.savez"
        ) from error
    if "images" not in arrays:
        keys = ", ".join(names) or "no keys"
        raise UserError(
            f"data.path={path}: it has no key 'images' (it has {keys}); save it with numpy.savez(path, images=..., "
            "labels=...)"
        )
    return arrays
