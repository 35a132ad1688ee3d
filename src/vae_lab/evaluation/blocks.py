"""Many latent samples of many images, a block at a time, each block with noise of its own."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from vae_lab.evaluation.measure import EvaluationContext, Images
from vae_lab.evaluation.progress import progress
from vae_lab.models.latent_model import LatentModel, Trace
from vae_lab.seeding import RngStream, reseed

# What the largest tensor of a block takes. On a processor it should stay in the cache, or takes twice the time; an
# accelerator wants work for all its units.
BLOCK_BYTES = {"cpu": 2**22}
ACCELERATOR_BLOCK_BYTES = 2**25

# What is alive at once, in tensors as large as the largest.
TENSORS_AT_ONCE = 8


class Block(NamedTuple):
    """Some of the images, and passes of them through the model."""

    x: Tensor  # (I, C, H, W)
    traces: Iterator[Trace]  # of S samples each, to be used up in order


class LargestTensor(TorchFunctionMode):
    """Notes the bytes of the largest result of any torch function that runs inside it."""

    def __init__(self) -> None:
        super().__init__()
        self.nbytes = 0

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        if isinstance(result, Tensor):
            self.nbytes = max(self.nbytes, result.nbytes)
        return result


def row_bytes(model: LatentModel, images: Images) -> int:
    """The bytes that one latent sample of one image takes in the largest tensor of a pass, tried out on a few.

    That may be the image, a hidden layer, or a sample before all components of a mixture.
    """
    num_samples = 100
    c = None if images.c is None else images.c[:1]
    with LargestTensor() as largest, torch.no_grad():
        if model.has_encoder:
            model.trace(images.x[:1], c, num_samples=num_samples)
        else:
            model.generate(num_samples).sample()
    return -(-largest.nbytes // num_samples)


def rows_within(num_bytes: int, bytes_of_row: int) -> int:
    """The latent samples that can be decoded at once within a memory bound, at least one."""
    return max(1, num_bytes // (TENSORS_AT_ONCE * bytes_of_row))


def rows_of_block(model: LatentModel, images: Images) -> int:
    """The latent samples of a block, of all its images together."""
    limit = BLOCK_BYTES.get(images.x.device.type, ACCELERATOR_BLOCK_BYTES)
    return max(1, limit // row_bytes(model, images))


def blocks(context: EvaluationContext, num_samples: int, stream: RngStream, title: str) -> Iterator[Block]:
    """All images, in blocks, each with passes of `num_samples` latent samples for each image in all.

    The size of a block follows from the model and the kind of device alone, and its noise from its position: no memory
    bound changes a figure. A pass has all K samples, or else a power of ten of them.

    Args:
        subject: the model and the images.
        num_samples: K, for each image.
        stream: the noise of the figure.
        title: what the progress bar says.
    """
    images, device = context.images, context.device
    rows = rows_of_block(context.model, images)
    samples_at_once = num_samples if num_samples <= rows else 10 ** (len(str(rows)) - 1)
    images_at_once = max(1, rows // samples_at_once)
    sizes = [len(part) for part in torch.arange(num_samples).split(samples_at_once)]

    with progress(len(images.x) * num_samples, title) as bar:

        def traces(position: int, x: Tensor, c: Tensor | None) -> Iterator[Trace]:
            for number, size in enumerate(sizes):
                reseed(device, context.seed, stream, position, number)
                with torch.no_grad():
                    trace = context.model.trace(x, c, num_samples=size)
                yield trace
                bar.update(len(x) * size)

        for position, some in enumerate(images.split_up(images_at_once)):
            yield Block(some.x, traces(position, some.x, some.c))
