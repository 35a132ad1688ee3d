"""Conversion of pixel values of any type to 8-bit levels, with an error message where that is not possible."""

import logging
from typing import Any

import numpy as np

from vae_lab.errors import UserError

log = logging.getLogger(__name__)

Array = np.ndarray[Any, np.dtype[Any]]
Levels = np.ndarray[Any, np.dtype[np.uint8]]

# The bits of what cameras and scanners save in 16-bit integers.
DEPTHS = (10, 12, 14, 16)


class LevelConverter:
    """Converts the values of a data set, one piece after the other, to levels 0..255.

    Booleans become 0 and 255, integers are taken to be levels, and floats in [0, 1] are rounded to k / 255.

    Args:
        dtype: the type of the values.
        source: the beginning of error messages, such as `data.path=images.npy`.

    Raises:
        UserError: if the values are of another type.
    """

    def __init__(self, dtype: np.dtype[Any], source: str) -> None:
        if dtype.kind not in "biuf":
            raise UserError(f"{source}: its values are of type {dtype}; save them as bytes 0..255 or floats in 0..1")
        self.dtype = dtype
        self.source = source
        self._lowest, self._highest = np.inf, -np.inf  # of all values so far
        self._change = 0.0  # the farthest that a float was from a level, in levels

    @property
    def _limit(self) -> int:
        return 1 if self.dtype.kind == "f" else 255

    def convert(self, values: Array) -> Levels:
        """Return values, of any shape, as levels; what they are where some are outside of their range means nothing.

        Raises:
            UserError: if some are no numbers.
        """
        if self.dtype.kind == "b":
            return values.astype(np.uint8) * np.uint8(255)
        low, high = values.min(), values.max()  # NaN if any value is NaN
        if not (np.isfinite(low) and np.isfinite(high)):
            raise UserError(f"{self.source}: some of its values are NaN or infinite; replace them by numbers in 0..1")
        # As Python's numbers, since the least of an integer type has no negative in it.
        self._lowest, self._highest = min(self._lowest, low.item()), max(self._highest, high.item())
        if self._lowest < 0 or self._highest > self._limit:
            return np.zeros(values.shape, np.uint8)  # which `finish` refuses, once the whole range is known
        return self._rounded(values) if self.dtype.kind == "f" else values.astype(np.uint8, copy=False)

    def _rounded(self, values: Array) -> Levels:
        """Return floats as the nearest levels."""
        scaled = values.astype(np.float64) * 255
        nearest = np.rint(scaled)
        self._change = max(self._change, float(np.abs(scaled - nearest).max()))
        return nearest.astype(np.uint8)

    def finish(self) -> None:
        """Check all values together; if rounding changed floats, the largest change is logged.

        Raises:
            UserError: if some are outside of their range, or the values are integers and none is above 1.
        """
        if self.dtype.kind == "b":
            return
        if self._lowest < 0 or self._highest > self._limit:
            kind = "floats" if self.dtype.kind == "f" else "integers"
            raise UserError(
                f"{self.source}: its {kind} ({self.dtype}) lie in {self._lowest:g}..{self._highest:g}, not in "
                f"0..{self._limit}; rescale them before they are saved, in NumPy: "
                f"images = {rescaled(self._lowest, self._highest, whole=self.dtype.kind != 'f')}"
            )
        if self.dtype.kind in "iu" and self._highest == 0:
            raise UserError(
                f"{self.source}: all its integers are 0, so every image would be black; if they were floats in 0..1, "
                "save them as floats, or as bytes in NumPy: images = (255 * images).round().astype('uint8')"
            )
        if self.dtype.kind in "iu" and self._highest <= 1:
            raise UserError(
                f"{self.source}: its integers are all 0 or 1, which as 8-bit levels would be black; save binary images "
                "as booleans (numpy.bool_), or multiply them by 255"
            )
        if self.dtype.kind == "f" and self._change > 255 * float(np.finfo(self.dtype).eps):
            log.info(
                "%s: its floats were rounded to 8-bit levels, the farthest by %.2g of a level",
                self.source,
                self._change,
            )


def rescaled(low: float, high: float, *, whole: bool) -> str:
    """Return what brings values into the range of pixels, in NumPy's words, by the range that they were found in.

    >>> rescaled(-1.0, 1.0, whole=False), rescaled(0.0, 254.5, whole=False), rescaled(0, 4000, whole=True)
    ('(images + 1) / 2', 'images / 255', 'images / 4095')
    >>> rescaled(-3.2, 4.1, whole=False)
    '(images - images.min()) / (images.max() - images.min())'

    Args:
        low: the least value.
        high: the largest value.
        whole: whether they are integers.
    """
    if whole and -128 <= low < 0 and high <= 127:
        return "(images.astype(int) + 128).astype('uint8')"
    if not whole and -1 <= low < 0 and high <= 1:
        return "(images + 1) / 2"
    if not whole and low >= 0 and high <= 255:
        return "images / 255"
    depths = [depth for depth in DEPTHS if low >= 0 and high < 2**depth]
    if depths:
        return f"images / {2 ** depths[0] - 1}"
    return "(images - images.min()) / (images.max() - images.min())"
