"""Batches by index look-up: no worker processes, no per-image Python."""

from collections.abc import Callable, Iterator
from copy import copy
from typing import Any, NamedTuple

import torch
from torch import Tensor

from vae_lab.data.image_set import Split
from vae_lab.seeding import RngStream, generator


class Batch(NamedTuple):
    """What a training or evaluation step sees."""

    x: Tensor  # (B, C, H, W), float32 in [0, 1]
    labels: Tensor  # (B,)


class Shard(NamedTuple):
    """Which part of the work is this process's."""

    rank: int
    world_size: int


def to_unit(pixels: Tensor) -> Tensor:
    """8-bit levels as floats in [0, 1]; pixels that are floats already (dequantised ones) as they are."""
    return pixels if pixels.is_floating_point() else pixels.to(torch.float32).div_(255)


def binarize(pixels: Tensor, noise: torch.Generator) -> Tensor:
    """Binary pixels, each on with its grey level as the probability."""
    probabilities = to_unit(pixels)
    uniform = torch.rand(pixels.shape, generator=noise, device=pixels.device)
    return (uniform < probabilities).to(torch.float32)


def dequantize(pixels: Tensor, noise: torch.Generator) -> Tensor:
    """8-bit levels, each spread over its share of the unit interval: (k + u) / 256, u ~ U[0, 1)."""
    uniform = torch.rand(pixels.shape, generator=noise, device=pixels.device)
    # Rounding takes the topmost of u to the next level; of level 255, to 1.
    return uniform.add_(pixels).div_(256).clamp_(max=1 - 2**-24)


class TrainBatches:
    """Shuffled batches of one epoch, each a pure function of (seed, rank, epoch, batch).

    Every batch has `batch_size` images over all processes together, so the number of devices changes nothing; the
    few images left over sit out this epoch, other ones the next. It resumes inside an epoch by Lightning's
    `state_dict` protocol.

    Args:
        split: the images, on the device that they are looked up on.
        batch_size: images for each optimisation step, over all processes.
        draw: what is drawn anew for each batch (`binarize` or `dequantize`); None serves the pixels as they are.
        device: where the batches go.
        seed: the run's seed.
        shard: this process's share.
        epoch: says which epoch it is.
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
        self.position = 0  # batches of the current epoch that were handed out
        self._first = 0  # where the next epoch starts: not at 0 when it is resumed

    def __len__(self) -> int:
        return len(self.split.images) // self.batch_size

    def __iter__(self) -> Iterator[Batch]:
        epoch, first, self._first = self.epoch(), self._first, 0
        order = torch.randperm(
            len(self.split.images), generator=generator("cpu", self.seed, RngStream.ORDER, epoch)
        ).to(self.split.images.device)
        for batch in range(first, len(self)):
            start = batch * self.batch_size
            share = order[start + self.shard.rank : start + self.batch_size : self.shard.world_size]
            pixels = self.split.images[share].to(self.device, non_blocking=True)
            self.position = batch + 1
            if self.draw is None:
                x = to_unit(pixels)
            else:
                noise = generator(self.device, self.seed, RngStream.PIXELS, self.shard.rank, epoch, batch)
                x = self.draw(pixels, noise)
            yield Batch(x, self.split.labels[share].to(self.device, non_blocking=True))

    def of_seed(self, seed: int) -> "TrainBatches":
        """The batches of another seed, over the same images in memory."""
        other = copy(self)
        other.seed = seed
        return other

    def state_dict(self) -> dict[str, Any]:
        return {"position": self.position}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._first = state["position"]


class EvaluationBatches:
    """All images once, in their order; each process takes its share.

    Args:
        split: the images, already binarised (then their levels are 0 and 255) or dequantised (then they are floats)
            where the likelihood needs that, so that no batch size or number of processes changes the noise.
        batch_size: images for each step of one process.
        device: where the batches go.
        shard: this process's share.
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
