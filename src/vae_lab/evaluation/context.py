"""From a run's folder to what is measured: its model, and the images as the likelihood sees them."""

from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from vae_lab import build
from vae_lab.data.batches import to_unit
from vae_lab.data.image_set import Split
from vae_lab.data.module import ImageData, apply_dequantization, apply_treatment
from vae_lab.errors import UserError
from vae_lab.evaluation.blocks import row_bytes, rows_within
from vae_lab.evaluation.measure import EvaluationContext, Images
from vae_lab.runs.trained import Trained

SplitName = Literal["train", "val", "test"]


def evaluation_context(
    trained: Trained,
    *,
    split: SplitName,
    num_images: int | None,
    seed: int,
    device: torch.device,
    memory_mib: int,
) -> EvaluationContext:
    """What a run is measured on, its data read anew and treated as in training.

    Args:
        trained: the run.
        split: the images that are measured.
        num_images: how many of them, or None for all.
        seed: of the latent samples.
        device: where the model works.
        memory_mib: what decoded images and hidden layers may take at once.

    Raises:
        UserError: where the data set is not there, or has fewer images.
    """
    data = build.data(trained.config)
    like = next(trained.model.parameters()).to(device)
    training = model_inputs(data, "train", trained.num_classes, like)
    images = training if split == "train" else model_inputs(data, split, trained.num_classes, like)
    if num_images is not None:
        if num_images > len(images.x):
            raise UserError(
                f"num_images={num_images}: there are {len(images.x):,} images in split={split}; "
                "choose fewer, or leave it out for all of them"
            )
        images = images.some(num_images)
    model = trained.model.to(device)
    return EvaluationContext(
        model=model,
        config=trained.config,
        fits_prior=trained.fits_prior,
        data=data,
        images=images,
        training=training,
        seed=seed,
        device=device,
        max_rows=rows_within(memory_mib * 2**20, row_bytes(model, images)),
        held_out=split != "train",
    )


def model_inputs(data: ImageData, name: SplitName, num_classes: int | None, like: Tensor) -> Images:
    """A split as a model sees it, on the device and in the precision of one of its parameters."""
    part = frozen_split(data, name)
    x, labels = to_unit(part.images).to(like), part.labels.to(like.device)
    c = None if num_classes is None else one_hot(labels, num_classes).to(x)
    return Images(x, labels, c, None if part.factors is None else part.factors.to(like.device))


def frozen_split(data: ImageData, name: SplitName) -> Split:
    """A split with its pixels drawn once; those of training images are else drawn afresh for each batch."""
    if name != "train":
        return data.val if name == "val" else data.test
    drawn = apply_treatment(data.train, data.treatment, 0) if data.treatment == "dynamic" else data.train
    return apply_dequantization(drawn, data.dequantization, 0)


def device_of(choice: Literal["auto", "cpu", "gpu"]) -> torch.device:
    """The device that a choice stands for.

    Raises:
        UserError: where it asks for an accelerator and there is none.
    """
    if choice == "cpu":
        return torch.device("cpu")
    if torch.cuda.is_available():
        return torch.device("cuda")
    if torch.backends.mps.is_available() and choice == "gpu":
        return torch.device("mps")
    if choice == "gpu":
        raise UserError("device=gpu: torch sees no accelerator here; choose device=auto (or cpu)")
    return torch.device("cpu")
