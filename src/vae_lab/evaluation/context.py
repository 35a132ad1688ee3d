"""Build the evaluation context of a run: its model, and the images as the likelihood sees them."""

from functools import partial
from typing import Literal

import torch
from torch import Tensor

from vae_lab import build
from vae_lab.data.batches import to_unit
from vae_lab.data.classes import check_known, condition
from vae_lab.data.image_set import Split
from vae_lab.data.module import ImageData, apply_dequantization, apply_treatment
from vae_lab.errors import UserError
from vae_lab.evaluation.blocks import row_bytes, rows_within
from vae_lab.evaluation.measure import EvaluationContext, Images, some_of
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
    data: ImageData | None = None,
) -> EvaluationContext:
    """Build the evaluation context of a run, on its data set, treated as in training.

    Args:
        trained: the run.
        split: the images that are measured.
        num_images: how many of them, or None for all.
        seed: the seed of the latent samples.
        device: the device of the model.
        memory_mib: the memory that decoded images and hidden layers may take at once, in MiB.
        data: the run's data set if it is read, or None to read it.

    Raises:
        UserError: if the data set is missing, or has fewer images.
    """
    data = build.data(trained.config, saved=True) if data is None else data
    reference = next(trained.model.parameters()).to(device)
    available = len(getattr(data, split).images)
    if num_images is not None and num_images > available:
        raise UserError(
            f"num_images={num_images}: split={split} has {available:,} images only; "
            "give a smaller number, or leave it out for all of them"
        )
    images = model_inputs(data, split, trained.classes, reference, num_images)
    model = trained.model.to(device)
    return EvaluationContext(
        model=model,
        config=trained.config,
        fits_prior=trained.fits_prior,
        data=data,
        images=images,
        training_images=partial(model_inputs, data, "train", trained.classes, reference),
        seed=seed,
        device=device,
        max_rows=rows_within(memory_mib * 2**20, row_bytes(model, images)),
        held_out=split != "train",
    )


def model_inputs(
    data: ImageData,
    name: SplitName,
    classes: tuple[int, ...] | None,
    reference: Tensor,
    num_images: int | None = None,
) -> Images:
    """Return the images of a split as a model sees them.

    Args:
        data: the data set.
        name: the split.
        classes: the labels of the classes that the model is conditioned on, or None.
        reference: a parameter of the model; the images get its device and precision.
        num_images: how many random images, the same ones every time; None for all of them in their order.

    Raises:
        UserError: if the model knows some of their classes not.
    """
    part = frozen_split(data, name)
    if num_images is not None and num_images < len(part.images):
        part = part.take(some_of(len(part.images), num_images))
    x, labels = to_unit(part.images).to(reference), part.labels.to(reference.device)
    c = None
    if classes is not None:
        check_known(part.labels, classes, f"images of split={name}")
        c = condition(labels, classes).to(x)
    return Images(x, labels, c, None if part.factors is None else part.factors.to(reference.device))


def frozen_split(data: ImageData, name: SplitName) -> Split:
    """Return a split whose pixels are drawn once; in training they are drawn again for each batch."""
    if name != "train":
        return data.val if name == "val" else data.test
    drawn = apply_treatment(data.train, data.treatment, 0) if data.treatment == "dynamic" else data.train
    return apply_dequantization(drawn, data.dequantization, 0)


def device_of(choice: Literal["auto", "cpu", "gpu"]) -> torch.device:
    """Return the device that a choice means.

    Raises:
        UserError: if the choice is `gpu` and there is no accelerator.
    """
    if choice == "cpu":
        return torch.device("cpu")
    if torch.cuda.is_available():
        return torch.device("cuda")
    if torch.backends.mps.is_available() and choice == "gpu":
        return torch.device("mps")
    if choice == "gpu":
        raise UserError("device=gpu: torch finds no accelerator on this machine; choose device=auto or device=cpu")
    return torch.device("cpu")
