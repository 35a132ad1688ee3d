"""What a data set provides: 8-bit images in memory, split three ways."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from vae_lab.configuration.options import SplitSize
from vae_lab.errors import UserError
from vae_lab.seeding import RngStream, generator

# The split does not depend on the run's seed: runs of different seeds are compared on the same images.
SPLIT_SEED = 0


class Split(NamedTuple):
    """A part of a data set."""

    images: Tensor  # (N, C, H, W), uint8
    labels: Tensor  # (N,), int64: classes counted from 0, or all 0 where they are not known
    factors: Tensor | None = None  # (N, F), int64: the values that an image was made from, each counted from 0

    def take(self, index: Tensor | slice) -> "Split":
        factors = None if self.factors is None else self.factors[index]
        return Split(self.images[index], self.labels[index], factors)


class Splits(NamedTuple):
    """The three parts of a data set."""

    train: Split
    val: Split
    test: Split

    @property
    def image_shape(self) -> tuple[int, ...]:
        """Channels, height, width."""
        return tuple(self.train.images.shape[1:])


class MissingDataError(UserError):
    """The files of a data set are not there, and cannot be fetched."""


class ImageSet(ABC):
    """A source of images; its options are those of its `__init__`."""

    @abstractmethod
    def load(self) -> Splits:
        """Read the images.

        Raises:
            UserError: where they are missing or damaged.
        """


def leave_out(splits: Splits, classes: Sequence[int]) -> tuple[Splits, Split | None]:
    """Take the images of some classes out of all three parts: (the rest, the test images taken out, if any).

    Raises:
        UserError: where a class has no test images, or no images are left.
    """
    if not classes:
        return splits, None
    where = f"data.leave_out=[{','.join(map(str, classes))}]"
    known = splits.test.labels.unique().tolist()
    unknown = sorted(set(classes) - set(known))
    if unknown:
        raise UserError(
            f"{where}: no test image is of class {unknown[0]}; the classes are {', '.join(map(str, known))}"
        )
    chosen = torch.tensor(classes)
    out = [torch.isin(part.labels, chosen) for part in splits]
    if any(mask.all() for mask in out):
        raise UserError(f"{where}: no images are left to train on; leave out fewer classes")
    rest = Splits(*(part.take(~mask) for part, mask in zip(splits, out, strict=True)))
    return rest, splits.test.take(out[2])


def subsample_train(splits: Splits, num_train: int | None) -> Splits:
    """Keep so many of the training images, the same ones every time, or all of them.

    Raises:
        UserError: where there are fewer.
    """
    total = len(splits.train.images)
    if num_train is None or num_train == total:
        return splits
    if num_train > total:
        raise UserError(
            f"data.num_train={num_train}: there are {total:,} training images; choose fewer, or leave it out for all "
            "of them"
        )
    order = torch.randperm(total, generator=generator("cpu", SPLIT_SEED, RngStream.SPLIT, 1))
    return splits._replace(train=splits.train.take(order[:num_train]))


def split_off(data: Split, num: int, option: str) -> tuple[Split, Split]:
    """Split off `num` images at random, the same ones every time: (the rest, the held-out ones)."""
    total = len(data.images)
    if num >= total:
        raise UserError(f"{option}={num}: the data set has {total:,} images to take from; choose fewer")
    order = torch.randperm(total, generator=generator("cpu", SPLIT_SEED, RngStream.SPLIT))
    return data.take(order[num:]), data.take(order[:num])


def train_val_test_split(data: Split, num_validation: SplitSize, num_test: SplitSize) -> Splits:
    """Split a set that comes in one piece, at random, the same way every time; fractions are of the whole set."""
    total = len(data.images)
    if total < 3:
        raise UserError(f"data: {total} images cannot be split into training, validation and test images; add some")
    val_count, test_count = (
        max(1, round(part * total)) if isinstance(part, float) else part for part in (num_validation, num_test)
    )
    data, test = split_off(data, test_count, "data.num_test")
    train, val = split_off(data, val_count, "data.num_validation")
    return Splits(train, val, test)
