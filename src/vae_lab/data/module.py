"""The LightningDataModule: the images with their treatment, on the training device if they fit there."""

from collections.abc import Callable
from copy import copy
from types import MappingProxyType

import torch
from lightning.pytorch import LightningDataModule
from torch import Tensor

from vae_lab.configuration.pixels import Dequantization, Treatment
from vae_lab.data.batches import EvaluationBatches, Shard, TrainBatches, binarize, dequantize
from vae_lab.data.classes import Names, check_known, named
from vae_lab.data.fingerprint import Fingerprint
from vae_lab.data.image_set import SPLIT_SEED, Split, Splits
from vae_lab.errors import UserError
from vae_lab.seeding import RngStream, generator

# The largest fraction of the free memory of an accelerator that the images may take.
MAX_MEMORY_FRACTION = 0.25

# The pixels of a piece of the images, where they are treated piece by piece.
PIECE_VALUES = 2**20


class ImageData(LightningDataModule):
    """The data module of the three parts of a data set, with the treatment of pixels that the likelihood needs.

    Args:
        splits: the images as they were read.
        treatment: the treatment of the pixels. `threshold` binarises them at 127; `static` draws binary pixels once
            for all images (vae_lab's own draw, and not the binarised MNIST that Larochelle published); `dynamic` draws
            them anew for every training batch, and once for validation and test images. What is drawn once does not
            depend on the run's seed.
        batch_size: images for each optimisation step, over all processes together.
        seed: the run's seed.
        dequantization: `uniform` adds noise to grey levels, new in every training batch and once elsewhere; or `none`.
        left_out: test images of the classes that were left out of the three parts; None if there are none.
        in_place: whether the pixels of these images may be changed, which takes less memory than a copy.
        fingerprint: what was read, before its treatment; None if it is not known.
        class_names: the names of the classes by their labels, if they have any.
    """

    def __init__(
        self,
        splits: Splits,
        treatment: Treatment,
        batch_size: int,
        seed: int,
        dequantization: Dequantization = "none",
        left_out: Split | None = None,
        in_place: bool = False,
        fingerprint: Fingerprint | None = None,
        class_names: Names = MappingProxyType({}),
    ) -> None:
        super().__init__()
        self.treatment = treatment
        self.dequantization = dequantization
        self.batch_size = min(batch_size, len(splits.train.images))  # with fewer images, one batch has all of them
        self.seed = seed
        self.fingerprint = fingerprint
        self.class_names = class_names

        def treated(split: Split, stream: int) -> Split:
            binary = apply_treatment(split, treatment, stream, in_place=in_place)
            return apply_dequantization(binary, dequantization, stream)

        # Training images are dequantised, and may be binarised, anew for each batch.
        once: Treatment = "none" if treatment == "dynamic" else treatment
        self.train = apply_treatment(splits.train, once, 0, in_place=in_place)
        self.val, self.test = treated(splits.val, 1), treated(splits.test, 2)
        self.left_out = None if left_out is None else treated(left_out, 3)

    @property
    def image_shape(self) -> tuple[int, ...]:
        """Channels, height, width."""
        return tuple(self.train.images.shape[1:])

    @property
    def classes(self) -> tuple[int, ...]:
        """The classes: the labels that occur in training, in rising order; a single one if images have no classes."""
        return tuple(self.train.labels.unique().tolist())

    @property
    def has_own_classes(self) -> bool:
        """Whether the classes have names, or are others than the numbers from 0."""
        return bool(self.class_names) or self.classes != tuple(range(len(self.classes)))

    def classes_left_out(self) -> str:
        """Return the classes that were left out, with their names; empty if there are none."""
        labels = [] if self.left_out is None else self.left_out.labels.unique().tolist()
        return ",".join(named(label, self.class_names) for label in labels)

    def conditions(self, known: tuple[int, ...] | None = None) -> tuple[int, ...]:
        """Return the classes that a model is conditioned on: the labels that occur in training.

        Args:
            known: the classes of a model that is trained further, or None.

        Raises:
            UserError: if the images have no classes, or others than those of training or of the model.
        """
        if known is None and len(self.classes) < 2:
            raise UserError(
                "condition=label: the images of this data set have no classes; give them some (subfolders of "
                "data=folder, or labels beside the images of data=arrays), or leave out condition"
            )
        conditions = self.classes if known is None else known
        for name, split in (("training", self.train), ("validation", self.val), ("test", self.test)):
            check_known(split.labels, conditions, f"the {name} images")
        return conditions

    def pixel_mean(self) -> Tensor:
        """Return the mean training image in [0, 1], of shape `image_shape`."""
        total = torch.zeros(self.image_shape, dtype=torch.int64)
        for images in in_pieces(self.train.images):
            total += images.sum(0, dtype=torch.int64)  # which copies them as int64
        level = total.double() / len(self.train.images)
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


def apply_treatment(split: Split, treatment: Treatment, stream: int, *, in_place: bool = False) -> Split:
    """Return the images with a treatment applied once, as 8-bit levels.

    Args:
        split: the images.
        treatment: the treatment of their pixels.
        stream: selects the random stream.
        in_place: whether the given images may be changed, instead of copied.
    """
    if treatment == "none":
        return split
    noise = generator("cpu", SPLIT_SEED, RngStream.HELD_OUT, stream)
    treated = split.images if in_place else torch.empty_like(split.images)
    for target, images in zip(in_pieces(treated), in_pieces(split.images), strict=True):
        binary = images > 127 if treatment == "threshold" else binarize(images, noise).bool()
        torch.mul(binary, 255, out=target)
    return split._replace(images=treated)


def apply_dequantization(split: Split, dequantization: Dequantization, stream: int) -> Split:
    """Return the images dequantised once, as floats in [0, 1], or unchanged; `stream` selects the random stream."""
    if dequantization == "none":
        return split
    return split._replace(images=dequantize(split.images, generator("cpu", SPLIT_SEED, RngStream.HELD_OUT, stream)))


def in_pieces(images: Tensor) -> tuple[Tensor, ...]:
    """Return images in order, in pieces whose copies as numbers take little memory.

    Random numbers of the CPU are drawn one after the other, so those of all pieces are those of the whole.
    """
    return images.split(max(1, PIECE_VALUES // max(1, images[:1].numel())))


def to_device_if_it_fits(split: Split, device: torch.device) -> Split:
    """Move the images to the device if they fit, or else to pinned memory, from which copies are fast."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        if split.images.nbytes > MAX_MEMORY_FRACTION * free:
            return split._replace(images=split.images.pin_memory())
    return split._replace(images=split.images.to(device), labels=split.labels.to(device))
