"""What the pixels of a data set are, by their values: what a person would want to know before training on them."""

import logging

import torch

from vae_lab.configuration.pixels import Binarize, Treatment, needs_a_word, without_a_word
from vae_lab.data.image_set import Splits
from vae_lab.data.module import in_pieces
from vae_lab.errors import UserError

log = logging.getLogger(__name__)


def has_levels(splits: Splits) -> bool:
    """Return whether some pixels are neither black nor white, 0 nor 255."""
    pieces = (piece for part in splits for piece in in_pieces(part.images))
    return any(bool(((piece != 0) & (piece != 255)).any()) for piece in pieces)


def check_own_images(splits: Splits, data_set: str, binarize: Binarize, treatment: Treatment, likelihood: str) -> None:
    """Refuse a user's images that hold nothing, or would become others than they are although nothing says so.

    Args:
        splits: the images as they were read.
        data_set: the choice of the data set, as on the command line.
        binarize: `data.binarize`.
        treatment: what it means for the likelihood.
        likelihood: the name of the likelihood.

    Raises:
        UserError: one line with the ways out.
    """
    check_contents(splits, data_set)
    if has_levels(splits):
        if needs_a_word(binarize, treatment, "unknown"):
            raise without_a_word(data_set, likelihood)
    elif treatment == "none":
        log.warning(
            "%s: all pixels are black or white, and %s is for levels of grey; likelihood=bernoulli is for binary ones",
            data_set,
            likelihood,
        )


def check_contents(splits: Splits, data_set: str) -> None:
    """Refuse images that hold nothing, and point out those that hold hardly anything.

    Args:
        splits: the images as they were read.
        data_set: where they are from, as the start of a sentence.

    Raises:
        UserError: if all pixels of all images have one value.
    """
    num = sum(len(part.images) for part in splits)
    first = splits.train.images[0]
    pieces = (piece for part in splits for piece in in_pieces(part.images))
    if all(bool((piece == first).all()) for piece in pieces):
        if bool((first == first.flatten()[0]).all()):
            raise UserError(
                f"{data_set}: all pixels of all {num:,} images are {int(first.flatten()[0])} of 255, so there is "
                "nothing to learn; look at the files, and at how they were saved"
            )
        log.warning("%s: all %s images are alike", data_set, f"{num:,}")
        return
    blank = sum(int(is_blank(piece).sum()) for part in splits for piece in in_pieces(part.images))
    if blank:
        log.warning("%s: %s of %s images are blank, all their pixels of one value", data_set, f"{blank:,}", f"{num:,}")


def is_blank(images: torch.Tensor) -> torch.Tensor:
    """Return which images of shape (N, C, H, W) have one value in each channel: a tensor of shape (N,)."""
    return (images == images[:, :, :1, :1]).flatten(1).all(1)
