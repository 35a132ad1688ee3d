"""Batches by index look-up, without worker processes and without Python code for each image."""

from collections.abc import Callable, Iterator
from copy import copy
from typing import Any, NamedTuple

import torch
from torch import Tensor

from vae_lab.data.image_set import Split
from vae_lab.seeding import RngStream, generator


class Batch(NamedTuple):
    """The input of a training or evaluation step.

    Attributes:
        x: images, float32 in [0, 1], of shape (B, C, H, W).
        labels: classes, of shape (B,).
    """

    x: Tensor
    labels: Tensor


class Shard(NamedTuple):
    """The part of the data that belongs to this process.

    Attributes:
        rank: the number of this process, from 0.
        world_size: the number of processes.
    """

    rank: int
    world_size: int


def to_unit(pixels: Tensor) -> Tensor:
    """Return 8-bit levels as floats in [0, 1]; pixels that are already floats (dequantised ones) are not changed."""
    return pixels if pixels.is_floating_point() else pixels.to(torch.float32).div_(255)


def binarize(pixels: Tensor, noise: torch.Generator) -> Tensor:
    """Draw binary pixels b ~ Bernoulli(x) from grey levels x in [0, 1], as float32 of the same shape."""
    probabilities = to_unit(pixels)
    uniform = torch.rand(pixels.shape, generator=noise, device=pixels.device)
    return (uniform < probabilities).to(torch.float32)


def dequantize(pixels: Tensor, noise: torch.Generator) -> Tensor:
    """Add uniform noise to 8-bit levels k and scale them to the unit interval: (k + u) / 256, u ~ U[0, 1)."""
    uniform = torch.rand(pixels.shape, generator=noise, device=pixels.device)
    # By rounding, k + u can reach the next level; the clamp keeps level 255 below 1.
    return uniform.add_(pixels).div_(256).clamp_(max=1 - 2**-24)


class TrainBatches:
    """Shuffled batches of one epoch, each a pure function of (seed, rank, epoch, batch).

    Every batch has `batch_size` images over all processes together, so the number of devices does not change the
    optimisation. The images that do not fill a last batch are not used in this epoch; in the next one they are others.
    Training resumes inside of an epoch by Lightning's `state_dict` protocol.

    Args:
        split: the images, on the device where they are indexed.
        batch_size: images for each optimisation step, over all processes.
        draw: draws new pixels for each batch (`binarize` or `dequantize`); with None the pixels are not changed.
        device: the device of the batches.
        seed: the run's seed.
        shard: the part of this process.
        epoch: returns the number of the current epoch.
    """

    def __init__(
        self,
        split: Split,
        batch_size: int,
        *,
        draw: Callable[[Tensor, torch.Generator], Tensor] | None,
        device: torch.device,
        seed: int,
        shard: Shard,
        epoch: Callable[[], int],
    ) -> None:
        self.split = split
        self.batch_size = min(batch_size, len(split.images))
        self.draw = draw
        self.device = device
        self.seed = seed
        self.shard = shard
        self.epoch = epoch
        self.position = 0  # batches of the current epoch so far
        self._start = 0  # the first batch of the next epoch: above 0 when training is resumed inside of an epoch

    def __len__(self) -> int:
        return len(self.split.images) // self.batch_size

    def __iter__(self) -> Iterator[Batch]:
        epoch, first, self._start = self.epoch(), self._start, 0
        order = torch.randperm(
            len(self.split.images), generator=generator("cpu", self.seed, RngStream.ORDER, epoch)
        ).to(self.split.images.device)
        for batch in range(first, len(self)):
            start = batch * self.batch_size
            indices = order[start + self.shard.rank : start + self.batch_size : self.shard.world_size]
            pixels = self.split.images[indices].to(self.device, non_blocking=True)
            self.position = batch + 1
            if self.draw is None:
                x = to_unit(pixels)
            else:
                noise = generator(self.device, self.seed, RngStream.PIXELS, self.shard.rank, epoch, batch)
                x = self.draw(pixels, noise)
            yield Batch(x, self.split.labels[indices].to(self.device, non_blocking=True))

    def with_seed(self, seed: int) -> "TrainBatches":
        """Return the batches of another seed, over the same images in memory."""
        other = copy(self)
        other.seed = seed
        return other

    def state_dict(self) -> dict[str, Any]:
        return {"position": self.position}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._start = state["position"]


class EvaluationBatches:
    """Batches of all images in their order, divided among the processes.

    Args:
        split: the images, already binarised (with levels 0 and 255) or dequantised (as floats) if the likelihood needs
            it, so that the noise does not depend on the batch size or the number of processes.
        batch_size: images for each step of one process.
        device: the device of the batches.
        shard: the part of this process.
    """

    def __init__(self, split: Split, batch_size: int, *, device: torch.device, shard: Shard) -> None:
        self.split = split.take(slice(shard.rank, None, shard.world_size))
        self.batch_size = batch_size
        self.device = device

    def __len__(self) -> int:
        return -(-len(self.split.images) // self.batch_size)

    def __iter__(self) -> Iterator[Batch]:
        parts = (self.split.images, self.split.labels)
        for pixels, labels in zip(*(part.split(self.batch_size) for part in parts), strict=True):
            yield Batch(to_unit(pixels.to(self.device, non_blocking=True)), labels.to(self.device, non_blocking=True))
