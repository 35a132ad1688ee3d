"""Reading picture files (PNG, JPEG, ...) into arrays of bytes."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal

import numpy as np
from PIL import Image, ImageOps

from vae_lab.configuration.options import ImageSize
from vae_lab.errors import UserError

Color = Literal["gray", "rgb"]
Pixels = np.ndarray[Any, np.dtype[np.uint8]]

SUFFIXES = frozenset(
    {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm", ".pbm", ".pnm"}
)

# Pillow's modes of 8-bit (or 1-bit) pixels without colour, and of more than 8 bits.
GRAY_MODES = frozenset({"1", "L", "LA", "La"})
DEEP_MODES = frozenset({"I", "F"})

# Pillow's errors for a file that is not a picture, is truncated, or is too large.
UNREADABLE = (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError)


# Pictures that are read together, in several threads.
AT_ONCE = 64


def picture_files(folder: Path) -> tuple[list[Path], list[Path]]:
    """Return the picture files in a folder and its subfolders, and the other files, sorted and without hidden files."""
    files = [
        path
        for path in folder.rglob("*")
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    ]
    # Sorted by the parts of the path, so that the order is the same on systems whose separator is "\\".
    files.sort(key=lambda path: path.relative_to(folder).parts)
    pictures = [path for path in files if path.suffix.lower() in SUFFIXES]
    return pictures, [path for path in files if path.suffix.lower() not in SUFFIXES]


def common_color(paths: Sequence[Path]) -> Color:
    """Return whether all pictures are grey or all are coloured.

    Raises:
        UserError: if they differ, or a file cannot be read.
    """
    with ThreadPoolExecutor() as pool:
        colors = list(pool.map(color_of, paths))
    if len(set(colors)) > 1:
        other = paths[next(i for i, color in enumerate(colors) if color != colors[0])]
        gray, rgb = (paths[0], other) if colors[0] == "gray" else (other, paths[0])
        raise UserError(
            f"data.color=auto: {gray} is grey and {rgb} is coloured; choose data.color=gray or data.color=rgb for all"
        )
    return colors[0]


def color_of(path: Path) -> Color:
    """Return whether a picture is grey or coloured, by its header."""
    try:
        with Image.open(path) as picture:
            mode = picture.mode
    except UNREADABLE as error:
        raise unreadable_picture(path, error) from error
    return "gray" if mode in GRAY_MODES or mode.partition(";")[0] in DEEP_MODES else "rgb"


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
            picture: Image.Image = ImageOps.exif_transpose(opened)
            if picture.has_transparency_data:
                picture = picture.convert("RGBA")
                picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
            picture = picture.convert("L" if color == "gray" else "RGB")
    except UNREADABLE as error:
        raise unreadable_picture(path, error) from error
    if size is not None:
        height, width = (size, size) if isinstance(size, int) else size
        picture = ImageOps.fit(picture, (width, height), Image.Resampling.LANCZOS)
    pixels = np.asarray(picture)
    return pixels[None] if color == "gray" else pixels.transpose(2, 0, 1)


def unreadable_picture(path: Path, error: Exception) -> UserError:
    """Return the error for a file that Pillow cannot read."""
    reason = str(error).partition("\n")[0]
    return UserError(
        f"data.path: {path} cannot be read as a picture ({reason}); repair it or take it out of the folder"
    )


def format_size(pixels: Pixels) -> str:
    """Return the height and width of a picture (C, H, W) as text."""
    return f"{pixels.shape[1]}x{pixels.shape[2]}"
