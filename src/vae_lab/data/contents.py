"""What the pixels of a data set are, by their values."""

from vae_lab.data.image_set import Splits
from vae_lab.data.module import in_pieces


def has_levels(splits: Splits) -> bool:
    """Return whether some pixels are neither black nor white, 0 nor 255."""
    pieces = (piece for part in splits for piece in in_pieces(part.images))
    return any(bool(((piece != 0) & (piece != 255)).any()) for piece in pieces)
