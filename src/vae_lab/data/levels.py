"""Conversion of pixel values of any type to 8-bit levels, with an error message where that is not possible."""

import logging
from typing import Any

import numpy as np

from vae_lab.errors import UserError

log = logging.getLogger(__name__)

Array = np.ndarray[Any, np.dtype[Any]]
Levels = np.ndarray[Any, np.dtype[np.uint8]]


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
        self._highest = 0  # the highest level so far
        self._change = 0.0  # the farthest that a float was from a level, in levels

    def convert(self, values: Array) -> Levels:
        """Return values, of any shape, as levels.

        Raises:
            UserError: if some are outside of their range.
        """
        if self.dtype.kind == "b":
            return values.astype(np.uint8) * np.uint8(255)
        low, high = values.min(), values.max()  # NaN if any value is NaN
        if self.dtype.kind == "f":
            return self._rounded(values, low, high)
        if low < 0 or high > 255:
            raise UserError(f"{self.source}: its integers lie in {low}..{high}, not in 0..255; rescale them to bytes")
        self._highest = max(self._highest, int(high))
        return values.astype(np.uint8, copy=False)

    def _rounded(self, values: Array, low: Any, high: Any) -> Levels:
        """Return floats as the nearest levels."""
        if not (np.isfinite(low) and np.isfinite(high)):
            raise UserError(f"{self.source}: some of its values are NaN or infinite; replace them by numbers in 0..1")
        if low < 0 or high > 1:
            raise UserError(
                f"{self.source}: its floats lie in {low:g}..{high:g}, not in 0..1; "
                "rescale them (divide 8-bit levels by 255)"
            )
        scaled = values.astype(np.float64) * 255
        nearest = np.rint(scaled)
        self._change = max(self._change, float(np.abs(scaled - nearest).max()))
        return nearest.astype(np.uint8)

    def finish(self) -> None:
        """Check all values together; if rounding changed floats, the largest change is logged.

        Raises:
            UserError: if the values are integers, and none is above 1.
        """
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
