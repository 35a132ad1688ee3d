"""Picture files (PNG, JPEG, ...) as arrays of bytes."""

from collections.abc import Sequence
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

# What Pillow says of a file that is no picture, is cut off, or is too large to be one.
UNREADABLE = (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError)


def picture_files(folder: Path) -> tuple[list[Path], list[Path]]:
    """The picture files in a folder and below it, and the other files, sorted; hidden ones are left out."""
    files = [
        path
        for path in folder.rglob("*")
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    ]
    # By the parts of their path, not by its text: so that the order is the same where folders are separated by "\\".
    files.sort(key=lambda path: path.relative_to(folder).parts)
    pictures = [path for path in files if path.suffix.lower() in SUFFIXES]
    return pictures, [path for path in files if path.suffix.lower() not in SUFFIXES]


def common_color(paths: Sequence[Path]) -> Color:
    """Whether all pictures are grey or all are coloured.

    Raises:
        UserError: where they differ, naming one of each, or a picture is not of 8-bit pixels.
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
    """Whether the pixels of a picture are grey or coloured, by its header."""
    try:
        with Image.open(path) as picture:
            mode = picture.mode
    except UNREADABLE as error:
        raise unreadable(path, error) from error
    return "gray" if mode in GRAY_MODES or mode.partition(";")[0] in DEEP_MODES else "rgb"


def read_all(paths: Sequence[Path], color: Color, size: ImageSize | None) -> Pixels:
    """All pictures, of shape (N, C, H, W).

    Args:
        paths: the files.
        color: what they are converted to, one channel or three.
        size: what they are scaled to, their edges cut off where the proportions differ; None where all agree.

    Raises:
        UserError: where a file cannot be read, or two of them differ in size and `size` is None.
    """
    first = read(paths[0], color, size)
    pixels = np.empty((len(paths), *first.shape), np.uint8)
    with ThreadPoolExecutor() as pool:
        for row, path, picture in zip(
            pixels, paths, pool.map(lambda path: read(path, color, size), paths), strict=True
        ):
            if picture.shape != first.shape:
                raise UserError(
                    f"data.image_size=null: {paths[0]} has {in_words(first)} pixels and {path} has "
                    f"{in_words(picture)}; scale all to one size with data.image_size=64, or data.image_size=[64,48] "
                    "(height, width)"
                )
            row[...] = picture
    return pixels


def read(path: Path, color: Color, size: ImageSize | None) -> Pixels:
    """One picture, of shape (C, H, W), upright, its transparent parts on white."""
    try:
        with Image.open(path) as opened:
            if opened.mode.partition(";")[0] in DEEP_MODES:
                raise UserError(f"data.path: {path} has more than 8 bits for each pixel; save it with 8")
            picture: Image.Image = ImageOps.exif_transpose(opened)
            if picture.has_transparency_data:
                picture = picture.convert("RGBA")
                picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
            picture = picture.convert("L" if color == "gray" else "RGB")
    except UNREADABLE as error:
        raise unreadable(path, error) from error
    if size is not None:
        height, width = (size, size) if isinstance(size, int) else size
        picture = ImageOps.fit(picture, (width, height), Image.Resampling.LANCZOS)
    pixels = np.asarray(picture)
    return pixels[None] if color == "gray" else pixels.transpose(2, 0, 1)


def unreadable(path: Path, error: Exception) -> UserError:
    reason = str(error).partition("\n")[0]
    return UserError(f"data.path: {path} cannot be read as a picture ({reason}); mend it or take it out of the folder")


def in_words(pixels: Pixels) -> str:
    return f"{pixels.shape[1]}x{pixels.shape[2]}"
