"""The base class of data sets: 8-bit images in memory, split into training, validation and test images."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from types import MappingProxyType
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor

from vae_lab.configuration.options import SplitSize
from vae_lab.configuration.pixels import GreyLevels
from vae_lab.data.classes import Names, labels_of, listed
from vae_lab.errors import UserError
from vae_lab.seeding import RngStream, generator

# The split does not depend on the run's seed, so that runs with different seeds are compared on the same images.
SPLIT_SEED = 0


class Split(NamedTuple):
    """A part of a data set.

    Attributes:
        images: uint8, of shape (N, C, H, W); floats in [0, 1] once they are dequantised.
        labels: classes, whole numbers from 0, int64, of shape (N,); all 0 if they are not known.
        factors: the values of the factors of variation of each image, each counted from 0, int64, of shape (N, F); None
            if they are not known.
    """

    images: Tensor
    labels: Tensor
    factors: Tensor | None = None

    def take(self, index: Tensor | slice) -> "Split":
        """Return the images at some indices, with their labels and factors."""
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
    """The files of a data set do not exist, and could not be downloaded."""


class ImageSet(ABC):
    """The base class of data sets, whose options are the arguments of `__init__`.

    Attributes:
        grey_levels: what a likelihood of binary pixels does with grey levels where `data.binarize` says nothing:
            `binarized` where the literature does that, `kept` where it does not, and they are refused; `unknown` where
            only the pixels tell whether there are any.
    """

    grey_levels: ClassVar[GreyLevels] = "unknown"

    @abstractmethod
    def load(self) -> Splits:
        """Read the images, and split them into three parts.

        Raises:
            UserError: if files are missing or damaged.
        """

    def class_names(self) -> Names:
        """Return the names of the classes by their labels; empty where the data set has labels only."""
        return {}


def leave_out(
    splits: Splits, classes: Sequence[int | str], names: Names = MappingProxyType({})
) -> tuple[Splits, Split | None]:
    """Remove the images of some classes from all three parts.

    Args:
        splits: the whole data set.
        classes: the classes to remove, by their labels or names.
        names: the names of all classes.

    Returns:
        The remaining images, and the removed test images; None in their place if `classes` is empty.

    Raises:
        UserError: if a class has no test images, or no images remain.
    """
    if not classes:
        return splits, None
    where = f"data.leave_out=[{','.join(map(str, classes))}]"
    labels = labels_of(classes, names, where)
    known = splits.test.labels.unique().tolist()
    unknown = sorted(set(labels) - set(known))
    if unknown:
        raise UserError(f"{where}: no test image is of class {unknown[0]}; the classes are {listed(known, names)}")
    left_out = torch.tensor(labels)
    masks = [torch.isin(part.labels, left_out) for part in splits]
    if any(mask.all() for mask in masks):
        raise UserError(f"{where}: no images are left to train on; leave out fewer classes")
    rest = Splits(*(part.take(~mask) for part, mask in zip(splits, masks, strict=True)))
    return rest, splits.test.take(masks[2])


def check_parts(splits: Splits) -> None:
    """Refuse parts that hold nothing, or do not belong together.

    Raises:
        UserError: one line with the part and what is wrong with it.
    """
    shape = tuple(splits.train.images.shape[1:])
    for name, (images, labels, _) in zip(("training", "validation", "test"), splits, strict=True):
        if not len(images):
            raise UserError(f"data: there are no {name} images; each of the three parts needs at least one")
        if images.shape[1:] != shape:
            sizes = ["x".join(map(str, size)) for size in (images.shape[1:], shape)]
            raise UserError(f"data: its {name} images are {sizes[0]}, its training images {sizes[1]}; give one size")
        if len(labels) != len(images) or int(labels.min()) < 0:
            raise UserError(f"data: its {name} images need one label each, whole numbers from 0")


def subsample_train(splits: Splits, num_train: int | None) -> Splits:
    """Keep `num_train` random training images, always the same ones; all of them if it is None.

    Raises:
        UserError: if there are fewer training images.
    """
    total = len(splits.train.images)
    if num_train is None or num_train == total:
        return splits
    if num_train > total:
        raise UserError(
            f"data.num_train={num_train}: there are {total:,} training images; choose fewer, or leave the option "
            "out to use all of them"
        )
    order = torch.randperm(total, generator=generator("cpu", SPLIT_SEED, RngStream.SPLIT, 1))
    return splits._replace(train=splits.train.take(order[:num_train]))


def split_off(data: Split, num: int, option: str) -> tuple[Split, Split]:
    """Split off `num` random images, always the same ones.

    Args:
        data: the images.
        num: the number of images to split off.
        option: the name of the option that holds this number, for the error message.

    Returns:
        The remaining images, and those that were split off.

    Raises:
        UserError: if no images would remain.
    """
    total = len(data.images)
    if num >= total:
        raise UserError(f"{option}={num}: the data set has {total:,} images to take from; choose fewer")
    order = torch.randperm(total, generator=generator("cpu", SPLIT_SEED, RngStream.SPLIT))
    return data.take(order[num:]), data.take(order[:num])


def train_val_test_split(data: Split, num_validation: SplitSize, num_test: SplitSize) -> Splits:
    """Split a data set without an official split at random, always in the same way.

    Args:
        data: all images.
        num_validation: the number of validation images, or their fraction of the whole data set.
        num_test: the number of test images, or their fraction of the whole data set.

    Raises:
        UserError: if there are fewer than three images, or none would remain for training.
    """
    total = len(data.images)
    if total < 3:
        raise UserError(
            f"data: {total} images cannot be split into training, validation and test images; give at least 3"
        )
    val_count, test_count = (
        max(1, round(size * total)) if isinstance(size, float) else size for size in (num_validation, num_test)
    )
    rest, test = split_off(data, test_count, "data.num_test")
    train, val = split_off(rest, val_count, "data.num_validation")
    return Splits(train, val, test)
