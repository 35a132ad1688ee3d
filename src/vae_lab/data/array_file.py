"""Read an array from a `.npy` or `.npz` file piece by piece, without unpickling objects."""

import lzma
import math
import tokenize
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]

# The errors for a file of another format, a truncated file, or a file with Python objects.
UNREADABLE = (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error, lzma.LZMAError)
# And what the readers of Python and NumPy raise on damaged tables of archives and headers of arrays.
DAMAGED = (
    *UNREADABLE,
    *(SyntaxError, tokenize.TokenError, NotImplementedError, RuntimeError, TypeError, KeyError, OverflowError),
)

# An archive that unpacks to more than this, and to so many times its size, holds nothing but repetition: a whole data
# set of binary images takes some dozens.
BOMB_BYTES, BOMB_RATIO = 2**30, 500

ZIP = b"PK\x03\x04"
PIECE_BYTES = 2**22


@dataclass(frozen=True)
class ArrayFile:
    """An array in a file.

    Attributes:
        path: the file.
        member: the name of the array in an `.npz` file, or None for a `.npy` file.
        shape: that of the array.
        dtype: the type of its values.
        fortran: whether the first dimension changes fastest in the file, not the last.
    """

    path: Path
    member: str | None
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    fortran: bool

    def pieces(self) -> Iterator[tuple[slice, Array]]:
        """Yield pieces of the array, in the order of the file, until the next one is asked for.

        A piece is a range of the first dimension; of a file in Fortran's order, of the last one.

        Raises:
            EOFError: if the file ends before the array does.
        """
        shape = self.shape[::-1] if self.fortran else self.shape
        row_bytes = self.dtype.itemsize * int(np.prod(shape[1:], dtype=np.int64))
        buffer = np.empty((min(shape[0], max(1, PIECE_BYTES // max(1, row_bytes))), *shape[1:]), self.dtype)
        with opened(self.path, self.member) as file:
            read_header(file)
            for start in range(0, shape[0], len(buffer)):
                piece = buffer[: shape[0] - start]
                read_into(file, piece)
                yield slice(start, start + len(piece)), piece.T if self.fortran else piece

    def read(self) -> Array:
        """Read the whole array."""
        array = np.empty(self.shape, self.dtype)
        for place, piece in self.pieces():
            array[(..., place) if self.fortran else place] = piece
        return array


def members(path: Path) -> list[str] | None:
    """Return the names of the arrays in an `.npz` file, or None if it is a `.npy` file."""
    with path.open("rb") as file:
        if file.read(len(ZIP)) != ZIP:
            return None
    with zipfile.ZipFile(path) as archive:
        return [name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy")]


def describe(path: Path, member: str | None) -> ArrayFile:
    """Read the header of an array.

    Raises:
        ValueError: if there is none, the array holds Python objects, or the file is too short for it.
    """
    with opened(path, member) as file:
        shape, fortran, dtype = read_header(file)
        start, available = file.tell(), size_of(path, member)
    if dtype.hasobject:
        raise ValueError("it holds Python objects, which are not read: that could run code (allow_pickle)")
    if any(size < 0 for size in shape):
        raise ValueError(f"no array has the shape {shape}")
    needed = math.prod(shape) * dtype.itemsize
    if available - start < needed:
        raise ValueError(f"it has {available - start:,} bytes for an array of {needed:,}")
    return ArrayFile(path, member, shape, dtype, fortran and len(shape) > 1)


@contextmanager
def opened(path: Path, member: str | None) -> Iterator[IO[bytes]]:
    """Open a `.npy` file, or one inside of an `.npz` file."""
    if member is None:
        with path.open("rb") as file:
            yield file
    else:
        with zipfile.ZipFile(path) as archive, archive.open(f"{member}.npy") as file:
            yield file


def size_of(path: Path, member: str | None) -> int:
    """Return the bytes of a `.npy` file, or of one inside of an `.npz` file, unpacked, as the archive states them.

    Raises:
        ValueError: if an archive states far more than images need.
    """
    if member is None:
        return path.stat().st_size
    with zipfile.ZipFile(path) as archive:
        stated = archive.getinfo(f"{member}.npy")
    if stated.file_size > max(BOMB_BYTES, BOMB_RATIO * path.stat().st_size):
        raise ValueError(f"its {path.stat().st_size:,} bytes would become {stated.file_size:,}, all of them repetition")
    return stated.file_size


def read_header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Read the header of an array: its shape, whether it is in Fortran's order, and its type.

    Raises:
        ValueError: if it is none; version 3 is not for numbers.
    """
    version = np.lib.format.read_magic(file)
    readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    if version not in readers:
        raise ValueError(f"version {version[0]}.{version[1]} of the format is not for arrays of numbers")
    return readers[version](file)


def read_into(file: IO[bytes], array: Array) -> None:
    """Fill an array from a file.

    Raises:
        EOFError: if the file ends before.
    """
    rest = memoryview(array.data).cast("B")
    while rest:
        num = file.readinto(rest)  # type: ignore[attr-defined]
        if not num:
            raise EOFError("it ends before its last value")
        rest = rest[num:]
