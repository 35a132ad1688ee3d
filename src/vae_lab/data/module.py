"""The LightningDataModule: the images with their treatment, on the training device if they fit there."""

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

# The largest fraction of the free memory of an accelerator that the images may take.
MAX_MEMORY_FRACTION = 0.25


class ImageData(LightningDataModule):
    """The data module of the three parts of a data set, with the treatment of pixels that the likelihood needs.

    Args:
        splits: the images as they were read.
        treatment: the treatment of the pixels. `threshold` binarises them at 127; `static` draws binary pixels once
            for all images; `dynamic` draws them anew for every training batch, and once for validation and test images.
            What is drawn once does not depend on the run's seed.
        batch_size: images for each optimisation step, over all processes together.
        seed: the run's seed.
        dequantization: `uniform` adds noise to grey levels, new in every training batch and once elsewhere; or `none`.
        left_out: test images of the classes that were left out of the three parts; None if there are none.
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
        self.batch_size = min(batch_size, len(splits.train.images))  # with fewer images, one batch has all of them
        self.seed = seed
        self.train = splits.train if treatment == "dynamic" else apply_treatment(splits.train, treatment, 0)
        self.val = apply_dequantization(apply_treatment(splits.val, treatment, 1), dequantization, 1)
        self.test = apply_dequantization(apply_treatment(splits.test, treatment, 2), dequantization, 2)
        self.left_out = (
            None
            if left_out is None
            else apply_dequantization(apply_treatment(left_out, treatment, 3), dequantization, 3)
        )

    @property
    def image_shape(self) -> tuple[int, ...]:
        """Channels, height, width."""
        return tuple(self.train.images.shape[1:])

    @property
    def num_classes(self) -> int:
        """The number of classes of the images, counted from 0; 1 if they have no classes."""
        return 1 + max(int(split.labels.max()) for split in (self.train, self.val, self.test))

    def pixel_mean(self) -> Tensor:
        """Return the mean training image in [0, 1], of shape `image_shape`."""
        level = self.train.images.sum(0, dtype=torch.int64).double() / len(self.train.images)
        return ((level + 0.5) / 256 if self.dequantization == "uniform" else level / 255).float()

    def with_seed(self, seed: int) -> "ImageData":
        """Return a data module of another seed, over the same images in memory."""
        other = copy(self)
        other.seed = seed
        return other

    def train_dataloader(self) -> TrainBatches:
        device, shard = self._device_and_shard()
        if self.batch_size % shard.world_size:
            raise UserError(
                f"data.batch_size={self.batch_size}: it is the batch of all {shard.world_size} processes together and "
                f"must be divisible by their number; choose a multiple of {shard.world_size}"
            )
        return TrainBatches(
            to_device_if_it_fits(self.train, device),
            self.batch_size,
            draw=self._training_draw(),
            device=device,
            seed=self.seed,
            shard=shard,
            epoch=self._epoch,
        )

    def val_dataloader(self) -> EvaluationBatches:
        return self._evaluation_batches(self.val)

    def test_dataloader(self) -> EvaluationBatches:
        return self._evaluation_batches(self.test)

    def _training_draw(self) -> Callable[[Tensor, torch.Generator], Tensor] | None:
        """Return the function that draws new pixels for each training batch, or None."""
        if self.dequantization == "uniform":
            return dequantize
        return binarize if self.treatment == "dynamic" else None

    def _evaluation_batches(self, split: Split) -> EvaluationBatches:
        device, shard = self._device_and_shard()
        return EvaluationBatches(to_device_if_it_fits(split, device), self.batch_size, device=device, shard=shard)

    def _device_and_shard(self) -> tuple[torch.device, Shard]:
        assert self.trainer is not None, "the trainer asks for loaders"
        return self.trainer.strategy.root_device, Shard(self.trainer.global_rank, self.trainer.world_size)

    def _epoch(self) -> int:
        assert self.trainer is not None, "the trainer iterates the loader"
        return self.trainer.current_epoch


def apply_treatment(split: Split, treatment: Treatment, stream: int) -> Split:
    """Return the images with a treatment applied once, as 8-bit levels; `stream` selects the random stream."""
    if treatment == "none":
        return split
    if treatment == "threshold":
        binary = split.images > 127
    else:
        binary = binarize(split.images, generator("cpu", SPLIT_SEED, RngStream.HELD_OUT, stream)).bool()
    return split._replace(images=binary.to(torch.uint8) * 255)


def apply_dequantization(split: Split, dequantization: Dequantization, stream: int) -> Split:
    """Return the images dequantised once, as floats in [0, 1], or unchanged; `stream` selects the random stream."""
    if dequantization == "none":
        return split
    return split._replace(images=dequantize(split.images, generator("cpu", SPLIT_SEED, RngStream.HELD_OUT, stream)))


def to_device_if_it_fits(split: Split, device: torch.device) -> Split:
    """Move the images to the device if they fit, or else to pinned memory, from which copies are fast."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        if split.images.nbytes > MAX_MEMORY_FRACTION * free:
            return split._replace(images=split.images.pin_memory())
    return split._replace(images=split.images.to(device), labels=split.labels.to(device))
