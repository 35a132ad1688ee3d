"""The images that each process gets at once, compared with what the objective and the network need."""

from collections.abc import Mapping
from typing import Any

from torch.nn.modules.batchnorm import _BatchNorm

from vae_lab.data.module import ImageData
from vae_lab.errors import UserError
from vae_lab.training.module import TrainingModule

FEWEST = 2  # a covariance, a distance of distributions, or a mean and a variance of one image are none


def check_batch_sizes(
    data: ImageData, module: TrainingModule, *, num_processes: int, settings: Mapping[str, Any]
) -> None:
    """Refuse batches that are too small for what is computed over them.

    Not `data.batch_size` decides: a batch has at most all training images, and each process has its part of it.

    Args:
        data: the images.
        module: the model with its objective.
        num_processes: how many train together.
        settings: those of the trainer, in which `sync_batchnorm` normalises over all processes.

    Raises:
        UserError: one line with the numbers and the way out.
    """
    num_images, batch = len(data.train.images), data.batch_size
    given = f"a batch is of {batch} of {num_images} training images"
    more = "choose more images (data.num_train, data.num_validation, data.num_test) or a larger data.batch_size"
    objective = module.objective
    if objective.needs_batch and batch < FEWEST:
        raise UserError(
            f"the objective {type(objective).__name__} compares the images of a batch with each other, and {given}; "
            f"{more}, or objective=elbo"
        )
    own = batch if settings.get("sync_batchnorm") else batch // num_processes
    if own < FEWEST and any(isinstance(layer, _BatchNorm) for layer in module.modules()):
        raise UserError(
            f"model.norm=batch: it needs at least {FEWEST} images in each of {num_processes} processes, and {given}; "
            f"{more}, fewer trainer.devices, or model.norm=group"
        )
    for name, split in (("num_validation", data.val), ("num_test", data.test)):
        if len(split.images) < num_processes:
            raise UserError(
                f"data.{name}: {len(split.images)} images are fewer than the {num_processes} processes that share "
                f"them; choose more, or trainer.devices={max(1, len(split.images))}"
            )
