"""Images in a NumPy file."""

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

# What NumPy says of a file that is something else, is cut off, or holds Python objects.
UNREADABLE = (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error)


class Arrays(ImageSet):
    """Images in a `.npy` file, or in an `.npz` file with the keys `images` and, if there are classes, `labels`.

    Images are of shape (N, H, W), (N, C, H, W) or (N, H, W, C); their values are bytes 0..255 (or other integers in
    that range), truth values, or floats in [0, 1]. Labels are integers from 0, of shape (N,). Files that hold Python
    objects are not opened.

    Args:
        path: the file.
        channels: where the channels are: `first`, `last`, or found out where the sizes tell (`auto`).
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
        """The images as (N, C, H, W)."""
        if 0 in images.shape:
            raise self._refusal(f"its images of shape {images.shape} hold no pixels; save some")
        if images.ndim == 3 and self.channels == "auto":
            return images[:, None]
        if images.ndim == 3:
            raise self._refusal(
                f"its images of shape {images.shape} have no dimension of channels; leave data.channels=auto"
            )
        if images.ndim != 4:
            raise self._refusal(
                f"its images are of shape {images.shape}; save them as (N, H, W), (N, C, H, W) or (N, H, W, C)"
            )
        first, last = images.shape[1] in CHANNELS, images.shape[3] in CHANNELS
        if self.channels == "auto" and first == last:
            what = "both the second and the last" if first else "neither the second nor the last"
            raise self._refusal(
                f"of its images' shape {images.shape}, {what} size may be channels (1 or 3); say which with "
                "data.channels=first or data.channels=last"
            )
        channels_last = self.channels == "last" or (self.channels == "auto" and last)
        return np.moveaxis(images, 3, 1) if channels_last else images

    def _labels(self, labels: Array | None, num_images: int) -> Tensor:
        if labels is None:
            return torch.zeros(num_images, dtype=torch.int64)
        if labels.shape != (num_images,) or labels.dtype.kind not in "iu" or labels.min() < 0:
            raise self._refusal(
                f"its labels are {labels.dtype} values of shape {labels.shape}; save one integer from 0 for each of "
                f"the {num_images:,} images, or leave them out"
            )
        return torch.from_numpy(labels.astype(np.int64))

    def _refusal(self, reason: str) -> UserError:
        return UserError(f"data.path={self.path}: {reason}")


def read(path: Path) -> dict[str, Array]:
    """What a file holds, under `images` and perhaps `labels`; never a pickled object.

    Raises:
        UserError: where it cannot be read.
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
        found = ", ".join(names) or "nothing"
        raise UserError(
            f"data.path={path}: it has no key 'images' (it has {found}); save it with numpy.savez(path, images=..., "
            "labels=...)"
        )
    return arrays
