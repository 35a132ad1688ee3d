"""Draw many latent samples of many images, one block at a time, each block with its own random numbers."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from vae_lab.evaluation.measure import EvaluationContext, Images
from vae_lab.evaluation.progress import progress
from vae_lab.models.latent_model import LatentModel, Trace
from vae_lab.seeding import RngStream, reseed

# The bytes of a block's largest tensor. On a CPU it should fit into the cache, since a pass takes twice the time
# otherwise; an accelerator needs enough work for all its units.
BLOCK_BYTES = {"cpu": 2**22}
ACCELERATOR_BLOCK_BYTES = 2**25

# The memory that a pass holds at once, in multiples of its largest tensor.
TENSORS_AT_ONCE = 8


class Block(NamedTuple):
    """Some of the images, and their passes through the model.

    Attributes:
        x: the images, of shape (I, C, H, W).
        traces: passes of S latent samples each; they must be consumed in order.
    """

    x: Tensor
    traces: Iterator[Trace]


class LargestTensor(TorchFunctionMode):
    """Records the size of the largest tensor that a torch function returns inside it.

    Attributes:
        nbytes: the size in bytes.
    """

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
    """Return the bytes of one latent sample of one image in the largest tensor of a pass, measured on a small pass.

    The largest tensor may be the image, a hidden layer, or a sample repeated for each component of a mixture.
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
    """Return the number of latent samples that can be decoded at once within `num_bytes`, at least one."""
    return max(1, num_bytes // (TENSORS_AT_ONCE * bytes_of_row))


def rows_of_block(model: LatentModel, images: Images) -> int:
    """Return the number of latent samples in a block, over all its images."""
    limit = BLOCK_BYTES.get(images.x.device.type, ACCELERATOR_BLOCK_BYTES)
    return max(1, limit // row_bytes(model, images))


def blocks(context: EvaluationContext, num_samples: int, stream: RngStream, title: str) -> Iterator[Block]:
    """Yield all images in blocks; the passes of a block draw `num_samples` latent samples for each image in total.

    The size of a block depends on the model and the kind of device only, and its random numbers on its position. So no
    memory limit changes an estimate. A pass draws all K samples, or a power of ten of them.

    Args:
        context: the model and the images.
        num_samples: K, for each image.
        stream: the random stream of the estimate.
        title: the label of the progress bar.
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
