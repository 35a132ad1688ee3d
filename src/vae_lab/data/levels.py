"""Conversion of pixel values of any type to 8-bit levels, with an error message where that is not possible."""

import logging
from typing import Any

import numpy as np

from vae_lab.errors import UserError

log = logging.getLogger(__name__)

Array = np.ndarray[Any, np.dtype[Any]]


def as_levels(values: Array, source: str) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Return the values as levels 0..255, contiguous in memory.

    Booleans become 0 and 255, integers are taken to be levels, and floats in [0, 1] are rounded to k / 255; if the
    rounding changes them, it is logged.

    Args:
        values: booleans, integers or floats, of any shape.
        source: the beginning of error messages, such as `data.path=images.npy`.

    Raises:
        UserError: if the values are of another type or outside of their range.
    """
    kind = values.dtype.kind
    if kind == "b":
        return np.ascontiguousarray(values).astype(np.uint8) * np.uint8(255)
    if kind not in "iuf":
        raise UserError(f"{source}: its values are of type {values.dtype}; save them as bytes 0..255 or floats in 0..1")
    low, high = values.min(), values.max()  # NaN if any value is NaN
    if kind == "f" and not (np.isfinite(low) and np.isfinite(high)):
        raise UserError(f"{source}: some of its values are NaN or infinite; replace them by numbers in 0..1")
    if kind == "f":
        if low < 0 or high > 1:
            raise UserError(
                f"{source}: its floats lie in {low:g}..{high:g}, not in 0..1; rescale them (divide 8-bit levels by 255)"
            )
        return round_to_levels(values, source)
    if low < 0 or high > 255:
        raise UserError(f"{source}: its integers lie in {low}..{high}, not in 0..255; rescale them to bytes")
    if high <= 1:
        raise UserError(
            f"{source}: its integers are all 0 or 1, which as 8-bit levels would be black; save binary images as "
            "booleans (numpy.bool_), or multiply them by 255"
        )
    return np.ascontiguousarray(values, dtype=np.uint8)


def round_to_levels(values: Array, source: str) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Return floats in [0, 1] as the nearest levels; if they were not at levels, the largest change is logged."""
    levels = np.empty(values.shape, np.uint8)
    change = 0.0
    for index, image in enumerate(values):  # one at a time, to avoid a copy of all images as floats
        scaled = image.astype(np.float64) * 255
        nearest = np.rint(scaled)
        levels[index] = nearest
        change = max(change, float(np.abs(scaled - nearest).max()))
    if change > 255 * float(np.finfo(values.dtype).eps):
        log.info("%s: its floats were rounded to 8-bit levels, the farthest by %.2g of a level", source, change)
    return levels
