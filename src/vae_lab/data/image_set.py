"""What a data set provides: 8-bit images in memory, split three ways."""

from abc import ABC, abstractmethod
from typing import NamedTuple

import torch
from torch import Tensor

from vae_lab.errors import UserError
from vae_lab.noise import Stream, generator

# The split does not depend on the run's seed: runs of different seeds are compared on the same images.
SPLIT_SEED = 0


class Split(NamedTuple):
    """A part of a data set."""

    images: Tensor  # (N, C, H, W), uint8
    labels: Tensor  # (N,), int64

    def take(self, index: Tensor) -> "Split":
        return Split(self.images[index], self.labels[index])


class Splits(NamedTuple):
    """The three parts of a data set."""

    train: Split
    val: Split
    test: Split

    @property
    def image_shape(self) -> tuple[int, ...]:
        """Channels, height, width."""
        return tuple(self.train.images.shape[1:])


class ImageSet(ABC):
    """A source of images; its options are those of its `__init__`."""

    @abstractmethod
    def load(self) -> Splits:
        """Read the images.

        Raises:
            UserError: where they are missing or damaged.
        """


def hold_out(data: Split, num: int, option: str) -> tuple[Split, Split]:
    """Split off `num` images at random, the same ones every time: (the rest, the held-out ones)."""
    total = len(data.images)
    if num >= total:
        raise UserError(f"{option}={num}: the data set has {total:,} images to take from; choose fewer")
    order = torch.randperm(total, generator=generator("cpu", SPLIT_SEED, Stream.SPLIT))
    return data.take(order[num:]), data.take(order[:num])
