"""The LightningDataModule: treated images, on the training device where they fit."""

from collections.abc import Callable
from copy import copy

import torch
from lightning.pytorch import LightningDataModule
from torch import Tensor

from vae_lab.configuration.pixels import Dequantization, Treatment
from vae_lab.data.batches import EvaluationBatches, Shard, TrainBatches, binarize, dequantize
from vae_lab.data.image_set import SPLIT_SEED, Split, Splits
from vae_lab.errors import UserError
from vae_lab.seeding import RngStream, generator

# Of the free memory of an accelerator, the part that the images may take.
IMAGES_SHARE_OF_MEMORY = 0.25


class ImageData(LightningDataModule):
    """Serves the three splits of a data set, treated as the likelihood needs.

    Args:
        splits: the images as they were read.
        treatment: what is done to their pixels. `dynamic` draws training batches afresh, validation and test images
            once; `static` draws all images once. What is drawn once does not depend on the run's seed.
        batch_size: images for each optimisation step, over all processes together.
        seed: the run's seed.
        dequantization: whether grey levels are spread out, afresh in training and once elsewhere.
        left_out: test images of classes that are in none of the three splits; None where no class was left out.
    """

    def __init__(
        self,
        splits: Splits,
        treatment: Treatment,
        batch_size: int,
        seed: int,
        dequantization: Dequantization = "none",
        left_out: Split | None = None,
    ) -> None:
        super().__init__()
        self.treatment = treatment
        self.dequantization = dequantization
        self.batch_size = min(batch_size, len(splits.train.images))  # of few images, all of them at once
        self.seed = seed
        self.train = splits.train if treatment == "dynamic" else treated(splits.train, treatment, 0)
        self.val = dequantized(treated(splits.val, treatment, 1), dequantization, 1)
        self.test = dequantized(treated(splits.test, treatment, 2), dequantization, 2)
        self.left_out = None if left_out is None else dequantized(treated(left_out, treatment, 3), dequantization, 3)

    @property
    def image_shape(self) -> tuple[int, ...]:
        """Channels, height, width."""
        return tuple(self.train.images.shape[1:])

    @property
    def num_classes(self) -> int:
        """The classes of the images, which are numbered from 0; 1 where they have none."""
        return 1 + max(int(split.labels.max()) for split in (self.train, self.val, self.test))

    def pixel_mean(self) -> Tensor:
        """The mean training image, of `image_shape`, in [0, 1]."""
        level = self.train.images.sum(0, dtype=torch.int64).double() / len(self.train.images)
        return ((level + 0.5) / 256 if self.dequantization == "uniform" else level / 255).float()

    def of_seed(self, seed: int) -> "ImageData":
        """The same images in memory, served to a run of another seed."""
        other = copy(self)
        other.seed = seed
        return other

    def train_dataloader(self) -> TrainBatches:
        device, shard = self._place()
        if self.batch_size % shard.world_size:
            raise UserError(
                f"data.batch_size={self.batch_size}: it is the batch of all {shard.world_size} processes together and "
                f"must divide by their number; choose a multiple of {shard.world_size}"
            )
        return TrainBatches(
            to_device_if_it_fits(self.train, device),
            self.batch_size,
            draw=self._draw(),
            device=device,
            seed=self.seed,
            shard=shard,
            epoch=self._epoch,
        )

    def val_dataloader(self) -> EvaluationBatches:
        return self._evaluation(self.val)

    def test_dataloader(self) -> EvaluationBatches:
        return self._evaluation(self.test)

    def _draw(self) -> Callable[[Tensor, torch.Generator], Tensor] | None:
        """What is drawn anew for each training batch."""
        if self.dequantization == "uniform":
            return dequantize
        return binarize if self.treatment == "dynamic" else None

    def _evaluation(self, split: Split) -> EvaluationBatches:
        device, shard = self._place()
        return EvaluationBatches(to_device_if_it_fits(split, device), self.batch_size, device=device, shard=shard)

    def _place(self) -> tuple[torch.device, Shard]:
        assert self.trainer is not None, "the trainer asks for loaders"
        return self.trainer.strategy.root_device, Shard(self.trainer.global_rank, self.trainer.world_size)

    def _epoch(self) -> int:
        assert self.trainer is not None, "the trainer iterates the loader"
        return self.trainer.current_epoch


def treated(split: Split, treatment: Treatment, stream: int) -> Split:
    """The images as the likelihood sees them, drawn once, as 8-bit levels."""
    if treatment == "none":
        return split
    if treatment == "threshold":
        on = split.images > 127
    else:
        on = binarize(split.images, generator("cpu", SPLIT_SEED, RngStream.HELD_OUT, stream)).bool()
    return split._replace(images=on.to(torch.uint8) * 255)


def dequantized(split: Split, dequantization: Dequantization, stream: int) -> Split:
    """The images as floats in [0, 1] with their levels spread out, drawn once, where that is asked for."""
    if dequantization == "none":
        return split
    return split._replace(images=dequantize(split.images, generator("cpu", SPLIT_SEED, RngStream.HELD_OUT, stream)))


def to_device_if_it_fits(split: Split, device: torch.device) -> Split:
    """The split on the device if it fits there comfortably, else in memory from which copies are fast."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        if split.images.nbytes > IMAGES_SHARE_OF_MEMORY * free:
            return split._replace(images=split.images.pin_memory())
    return split._replace(images=split.images.to(device), labels=split.labels.to(device))
