"""Reading picture files (PNG, JPEG, ...) into arrays of bytes."""

import logging
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal

import numpy as np
from PIL import Image, ImageOps

from vae_lab.configuration.options import ImageSize
from vae_lab.errors import UserError

log = logging.getLogger(__name__)

Color = Literal["gray", "rgb"]
Pixels = np.ndarray[Any, np.dtype[np.uint8]]

SUFFIXES = frozenset(
    {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm", ".pbm", ".pnm"}
)

# Pillow's modes of 8-bit (or 1-bit) pixels without colour, and of more than 8 bits.
GRAY_MODES = frozenset({"1", "L", "LA", "La"})
DEEP_MODES = frozenset({"I", "F"})

# Pillow's errors for a file that is not a picture, is truncated, or is too large.
TOO_LARGE = (Image.DecompressionBombError, Image.DecompressionBombWarning)
UNREADABLE = (OSError, ValueError, SyntaxError, EOFError, *TOO_LARGE)

# Pictures that are read together, in several threads.
AT_ONCE = 64


def picture_files(folder: Path) -> tuple[list[Path], list[Path]]:
    """Return the picture files in a folder and its subfolders, and all else, sorted and without what is hidden.

    What is no file is never opened: a pipe would wait for ever. Links to folders are not followed.
    """
    found = [
        path
        for path in folder.rglob("*")
        if (path.is_symlink() or not path.is_dir())
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    ]
    # Sorted by the parts of the path, so that the order is the same on systems whose separator is "\\".
    found.sort(key=lambda path: path.relative_to(folder).parts)
    pictures = [path for path in found if path.suffix.lower() in SUFFIXES and path.is_file()]
    known = set(pictures)
    return pictures, [path for path in found if path not in known]


def common_color(paths: Sequence[Path], modes: Sequence[str], *, by_content: bool) -> Color:
    """Return whether all pictures are grey or all are coloured.

    Args:
        paths: the files.
        modes: Pillow's names of their kinds of pixels.
        by_content: whether a picture is grey if its pixels are, in whatever way they are stored; a set of coloured
            pictures may have some.

    Raises:
        UserError: if they differ, or a file cannot be read.
    """
    gray = [path for path, mode in zip(paths, modes, strict=True) if is_gray_mode(mode)]
    others = [path for path, mode in zip(paths, modes, strict=True) if not is_gray_mode(mode)]
    coloured = next(iter(others), None)
    if by_content:
        coloured = first_coloured(others)
    if gray and coloured is not None:
        raise UserError(
            f"data.color=auto: {gray[0]} is grey and {coloured} is coloured; choose data.color=gray or data.color=rgb "
            "for all"
        )
    if others and coloured is None:
        log.info(
            "data: %s of %s pictures are stored in colour and are grey, so they have one channel, such as %s",
            f"{len(others):,}",
            f"{len(paths):,}",
            others[0],
        )
    return "gray" if coloured is None else "rgb"


def is_gray_mode(mode: str) -> bool:
    """Return whether pixels of one of Pillow's kinds have no colour."""
    return mode in GRAY_MODES or mode.partition(";")[0] in DEEP_MODES


def first_coloured(paths: Sequence[Path]) -> Path | None:
    """Return the first picture that has a coloured pixel, or None."""
    with ThreadPoolExecutor() as pool:
        for start in range(0, len(paths), AT_ONCE):
            some = paths[start : start + AT_ONCE]
            for path, pixels in zip(some, pool.map(lambda path: read(path, "rgb", None), some), strict=True):
                if (pixels != pixels[:1]).any():
                    return path
    return None


def read_all(paths: Sequence[Path], color: Color, size: ImageSize | None) -> Pixels:
    """Read pictures into one array of shape (N, C, H, W).

    Args:
        paths: the files.
        color: converts them to one channel (`gray`) or three (`rgb`).
        size: scales them to this size, and crops them if their proportions differ; None keeps their size, which must
            be the same for all.

    Raises:
        UserError: if a file cannot be read, or if `size` is None and two pictures differ in size.
    """
    pixels = np.empty((len(paths), *read(paths[0], color, size).shape), np.uint8)
    for row, picture in zip(pixels, read_each(paths, color, size, paths[0]), strict=True):
        row[...] = picture
    return pixels


def read_each(paths: Sequence[Path], color: Color, size: ImageSize | None, like: Path) -> Iterator[Pixels]:
    """Yield pictures of shape (C, H, W), of which a few are in memory; see `read_all`.

    Args:
        paths: the files.
        color: what they are converted to.
        size: what they are scaled to.
        like: a picture whose size all must have.
    """
    first = read(like, color, size)
    with ThreadPoolExecutor() as pool:
        for start in range(0, len(paths), AT_ONCE):
            some = paths[start : start + AT_ONCE]
            for path, picture in zip(some, pool.map(lambda path: read(path, color, size), some), strict=True):
                if picture.shape != first.shape:
                    raise UserError(
                        f"data.image_size=null: {like} has {format_size(first)} pixels and {path} has "
                        f"{format_size(picture)}; scale all to one size with data.image_size=64, or "
                        "data.image_size=[64,48] (height, width)"
                    )
                yield picture


def read(path: Path, color: Color, size: ImageSize | None) -> Pixels:
    """Read one picture of shape (C, H, W), rotated as its EXIF data says, with its transparent parts on white."""
    try:
        with Image.open(path) as opened:
            if opened.mode.partition(";")[0] in DEEP_MODES:
                raise UserError(f"data.path: {path} has more than 8 bits for each pixel value; save it with 8 bits")
            picture = on_white(ImageOps.exif_transpose(opened))
            picture = picture.convert("L" if color == "gray" else "RGB")
    except UNREADABLE as error:
        raise unreadable_picture(path, error) from error
    if size is not None:
        height, width = height_and_width(size)
        picture = ImageOps.fit(picture, (width, height), Image.Resampling.LANCZOS)
    pixels = np.asarray(picture)
    return pixels[None] if color == "gray" else pixels.transpose(2, 0, 1)


def on_white(picture: Image.Image) -> Image.Image:
    """Return a picture whose transparent parts are laid on white."""
    if not picture.has_transparency_data:
        return picture
    rgba = picture.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba)


def height_and_width(size: ImageSize) -> tuple[int, int]:
    """Return a size as height and width in pixels."""
    return (size, size) if isinstance(size, int) else size


def unreadable_picture(path: Path, error: Exception) -> UserError:
    """Return the error for a file that Pillow cannot read, or will not."""
    if isinstance(error, TOO_LARGE):
        return UserError(
            f"data.path: {path} has more than {Image.MAX_IMAGE_PIXELS or 0:,} pixels, which no data set of pictures "
            "needs; scale it down or take it out of the folder"
        )
    reason = str(error).partition("\n")[0]
    return UserError(
        f"data.path: {path} cannot be read as a picture ({reason}); repair it or take it out of the folder"
    )


def format_size(pixels: Pixels) -> str:
    """Return the height and width of a picture (C, H, W) as text."""
    return f"{pixels.shape[1]}x{pixels.shape[2]}"
