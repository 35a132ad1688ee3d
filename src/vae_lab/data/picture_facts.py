"""What picture files hold beside the pixels that are read from them: refused, or told with the number of files."""

import logging
import re
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from vae_lab.configuration.options import ImageSize
from vae_lab.data.pictures import DEEP_MODES, GRAY_MODES, UNREADABLE, height_and_width, on_white, unreadable_picture
from vae_lab.errors import UserError

log = logging.getLogger(__name__)

# Pillow's modes of which nothing is lost: grey, a palette, colour, and transparency, which is looked at.
KNOWN_MODES = GRAY_MODES | {"P", "PA", "RGB", "RGBA", "RGBa"}
# What Pillow calls pixels in a file that it cuts to 8 bits, such as `RGB;16B`; `BGR;16` has 16 bits for all three.
CUT = re.compile(r";(?:12|16|32)[BLNS]")
BITS_PER_SAMPLE = 258  # a tag of TIFF
ORIENTATION = 0x0112  # a tag of EXIF
TURNED = (5, 6, 7, 8)  # its values where height and width change places


@dataclass(frozen=True)
class Facts:
    """What a picture file holds.

    Attributes:
        path: the file.
        mode: Pillow's name of its kind of pixels.
        size: its height and width in pixels, upright.
        is_deep: whether its values have more than 8 bits.
        num_pages: the pages of a TIFF file.
        is_animated: whether a file of another format has several frames.
        is_transparent: whether some of its pixels are.
        vanishes: whether all that can be seen of it is white, and the rest transparent.
    """

    path: Path
    mode: str
    size: tuple[int, int]
    is_deep: bool
    num_pages: int
    is_animated: bool
    is_transparent: bool
    vanishes: bool


def facts_of_all(paths: Sequence[Path]) -> list[Facts]:
    """Return what picture files hold, by their headers, and by their pixels where those may be transparent.

    Raises:
        UserError: if one cannot be read, or has more pixels than are safe to unpack.
    """
    with warnings.catch_warnings():
        # Pillow only warns of a picture that is larger than its limit, and refuses one of twice that size.
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        with ThreadPoolExecutor() as pool:
            return list(pool.map(facts_of, paths))


def facts_of(path: Path) -> Facts:
    """Return what a picture file holds; see `facts_of_all`."""
    try:
        with Image.open(path) as picture:
            deep = is_deep(picture)  # first: once it has read the pixels, Pillow forgets how they were stored
            width, height = picture.size
            # Pillow would read all pixels of a PNG to look for EXIF data behind them.
            has_exif = picture.format != "PNG" or "exif" in picture.info
            turned = has_exif and picture.getexif().get(ORIENTATION) in TURNED
            several = bool(getattr(picture, "is_animated", False))
            is_tiff = picture.format == "TIFF"
            is_transparent, vanishes = transparency(picture)
            return Facts(
                path,
                picture.mode,
                (width, height) if turned else (height, width),
                deep,
                getattr(picture, "n_frames", 1) if is_tiff and several else 1,
                several and not is_tiff,
                is_transparent,
                vanishes,
            )
    except UNREADABLE as error:
        raise unreadable_picture(path, error) from error


def is_deep(picture: Image.Image) -> bool:
    """Return whether the values of a picture have more than 8 bits in its file, also where Pillow cuts them."""
    if picture.mode.partition(";")[0] in DEEP_MODES:
        return True
    tags = getattr(picture, "tag_v2", None)
    if tags is not None and max(tags.get(BITS_PER_SAMPLE, (8,))) > 8:
        return True
    for codec, *_, arguments in getattr(picture, "tile", ()):
        known = arguments if isinstance(arguments, tuple) else (arguments,)
        if any(isinstance(argument, str) and CUT.search(argument) for argument in known):
            return True
        if codec.startswith("ppm") and any(isinstance(argument, int) and argument > 255 for argument in known):
            return True
    return False


def transparency(picture: Image.Image) -> tuple[bool, bool]:
    """Return whether some pixels are transparent, and whether nothing is left of the picture on a white ground."""
    if not picture.has_transparency_data:
        return False, False
    alpha = np.asarray(picture.convert("RGBA").getchannel("A"))
    seen = np.asarray(on_white(picture).convert("RGB"))  # (H, W, 3)
    return bool(alpha.min() < 255), bool(alpha.min() < alpha.max() and (seen == seen[0, 0]).all())


def check_facts(facts: Sequence[Facts], size: ImageSize | None, *, refuse: bool = True) -> None:
    """Refuse files of which much would be lost, and tell of how many something is lost or changed.

    Args:
        facts: those of all files.
        size: what the pictures are scaled to, or None.
        refuse: whether anything is refused; version 0.2 read all files.

    Raises:
        UserError: one line with the first file and the number of files.
    """
    refusals: dict[str, tuple[Callable[[Facts], bool], str]] = {
        "has more than 8 bits for each pixel value": (lambda file: file.is_deep, "save it with 8 bits"),
        "has several pages, of which one would be read": (
            lambda file: file.num_pages > 1,
            "save each page as a file of its own",
        ),
        "is white on a transparent ground, so that on white nothing would be left of it": (
            lambda file: file.vanishes,
            "lay it on a dark ground",
        ),
    }
    for reason, (holds, way_out) in refusals.items():
        found = [file for file in facts if holds(file)]
        if found and refuse:
            raise UserError(
                f"data.path: {found[0].path} {reason} ({len(found):,} of {len(facts):,} files do); {way_out}"
            )
        tell(found, facts, reason)
    told: dict[str, Callable[[Facts], bool]] = {
        "have several frames, of which the first is read": lambda file: file.is_animated,
        "have transparent parts, which are laid on white": lambda file: file.is_transparent,
        "are converted from other colours than RGB": lambda file: not file.is_deep and file.mode not in KNOWN_MODES,
    }
    if size is not None:
        target = height_and_width(size)
        told["lose edges, as they have other proportions than data.image_size"] = lambda file: edge(file, target) >= 1
        told["are smaller than data.image_size and are enlarged"] = lambda file: (
            file.size[0] < target[0] or file.size[1] < target[1]
        )
    for what, holds in told.items():
        tell([file for file in facts if holds(file)], facts, what)


def edge(file: Facts, target: tuple[int, int]) -> float:
    """Return how many pixels of a picture are cut off, along its longer side, where its proportions become others."""
    (height, width), (rows, columns) = file.size, target
    return max(width - height * columns / rows, height - width * rows / columns)


def tell(found: Sequence[Facts], facts: Sequence[Facts], what: str) -> None:
    """Log of how many files something is true."""
    if found:
        log.info("data: %s of %s pictures %s, such as %s", f"{len(found):,}", f"{len(facts):,}", what, found[0].path)
