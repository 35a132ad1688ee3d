"""The parts of `vae_lab.evaluate`: a measure maps a trained model and images to estimates."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import torch
from hydra.utils import get_object
from omegaconf import DictConfig
from torch import Tensor

from vae_lab.configuration.pixels import has_code_length
from vae_lab.data.image_set import SPLIT_SEED
from vae_lab.data.module import ImageData
from vae_lab.evaluation.validation_bounds import bits_per_dim
from vae_lab.models.latent_model import LatentModel
from vae_lab.seeding import RngStream, generator

# An estimate outside of its bounds by more than these is wrong, and no noise: standard errors, and float32.
NUM_ERRORS = 5
RELATIVE_ERROR = 1e-4


class Images(NamedTuple):
    """Images as the likelihood sees them.

    Attributes:
        x: pixels in [0, 1], of shape (N, C, H, W).
        labels: classes, of shape (N,).
        c: what the model is conditioned on, of shape (N, classes), or None.
        factors: the factors that the images were made from, of shape (N, F), or None if they are not known.
    """

    x: Tensor
    labels: Tensor
    c: Tensor | None
    factors: Tensor | None = None

    def take(self, index: Tensor | slice) -> "Images":
        """Return the images at an index."""
        c, factors = (None if part is None else part[index] for part in (self.c, self.factors))
        return Images(self.x[index], self.labels[index], c, factors)

    def split_up(self, size: int) -> list["Images"]:
        """Return all images in order, in pieces of at most `size`."""
        return [self.take(index) for index in torch.arange(len(self.x), device=self.x.device).split(size)]

    def some(self, num: int) -> "Images":
        """Return `num` random images, the same ones every time, or all in their order if there are no more."""
        if num >= len(self.x):
            return self
        return self.take(some_of(len(self.x), num).to(self.x.device))

    def parted(self, num: int) -> tuple["Images", "Images"]:
        """Return `num` random images, those of `some`, and all others in their order."""
        chosen = torch.zeros(len(self.x), dtype=torch.bool)
        chosen[some_of(len(self.x), num)] = True
        return self.some(num), self.take((~chosen).nonzero().flatten().to(self.x.device))


def some_of(total: int, num: int) -> Tensor:
    """Return `num` random indices of `total` images, the same ones every time."""
    return torch.randperm(total, generator=generator("cpu", SPLIT_SEED, RngStream.SUBSET))[:num]


@dataclass(frozen=True)
class EvaluationContext:
    """A trained model, and the images that it is measured on.

    Attributes:
        model: the model in evaluation mode, its parameters without gradients.
        config: the configuration of its run.
        fits_prior: whether training fitted the codes to the prior.
        data: its whole data set, treated as the likelihood needs.
        images: the images of the chosen split.
        training_images: returns the images that probes, neighbours and classifiers learn from.
        seed: the seed of the latent samples.
        device: the device of the model and of the images.
        max_rows: decoded images that may be held at once.
        held_out: whether none of `images` is among `training`.
    """

    model: LatentModel
    config: DictConfig
    fits_prior: bool
    data: ImageData
    images: Images
    training_images: Callable[[], Images]
    seed: int
    device: torch.device
    max_rows: int
    held_out: bool = True

    @cached_property
    def training(self) -> Images:
        """The images that probes, neighbours and classifiers learn from: many, and few measures need them."""
        return self.training_images()


class Estimate(NamedTuple):
    """An estimated number, with its standard error and how it was estimated.

    Attributes:
        value: the estimate.
        estimator: the estimator in words, with the name of its formula.
        num_images: the images that it is an estimate over.
        standard_error: the standard error over images, if the estimate is a mean over them.
        num_samples: latent samples for each image, if there are any.
        details: further lists and settings, as JSON takes them.
        at_least: what the true value cannot be below, such as 0 of a KL; None if there is no such bound.
        at_most: what it cannot be above, such as log N of a mutual information with N images.
    """

    value: float
    estimator: str
    num_images: int
    standard_error: float | None = None
    num_samples: int | None = None
    details: Mapping[str, object] | None = None
    at_least: float | None = None
    at_most: float | None = None

    def impossible(self) -> str | None:
        """Return why no true value can be near the estimate, in one line; None if it is within its bounds and error."""
        margin = NUM_ERRORS * (self.standard_error or 0) + RELATIVE_ERROR * max(1, abs(self.value))
        if self.at_least is not None and self.value < self.at_least - margin:
            return f"{self.value:.6g} is below {self.at_least:.6g}, the least that it can be, by more than its error"
        if self.at_most is not None and self.value > self.at_most + margin:
            return f"{self.value:.6g} is above {self.at_most:.6g}, the most that it can be, by more than its error"
        return None


class Measure(ABC):
    """A group of estimates; `conf/measure/NAME.yaml` names each measure and holds its options."""

    @abstractmethod
    def unavailable_reason(self, context: EvaluationContext) -> str | None:
        """Return why the measure is not defined for this run, in one line; None if it is."""

    @abstractmethod
    def __call__(self, context: EvaluationContext) -> Mapping[str, Estimate]:
        """Return the estimates by name; likelihoods are in nats per image."""


def over_images(values: Tensor, estimator: str, *, num_samples: int | None = None) -> Estimate:
    """Return the mean over images, with its standard error.

    Args:
        values: one value for each image, of shape (N,).
        estimator: the estimator in words.
        num_samples: latent samples for each image, if there are any.
    """
    num_images = len(values)
    error = (values.std() / num_images**0.5).item() if num_images > 1 else None
    return Estimate(values.mean().item(), estimator, num_images, error, num_samples)


def no_elbo(context: EvaluationContext) -> str | None:
    """Return why a model has no ELBO, and so no likelihood estimate by its posterior; None if it has one."""
    return None if context.model.has_elbo else "the model has no posterior with a density, and so no ELBO"


def no_encoder(context: EvaluationContext) -> str | None:
    """Return why images have no codes under a model; None if they have."""
    return None if context.model.has_encoder else "the model has no encoder, and so images have no codes"


def not_held_out(context: EvaluationContext) -> str | None:
    """Return why a measure that learns from training images cannot be scored on these; None if they are held out."""
    return None if context.held_out else "these are training images, from which it learns; choose split=test (or val)"


def least_nats(context: EvaluationContext) -> float | None:
    """Return 0 where p(x | z) is a probability, so that -log p(x) and its bounds cannot be negative; None elsewhere."""
    support = get_object(context.config.likelihood["_target_"]).support
    return 0.0 if support in ("binary", "256_levels") else None


def code_length(context: EvaluationContext, nats: Estimate) -> dict[str, Estimate]:
    """Return an estimate in nats per image as bits per dimension; empty if they do not bound the length of a code.

    Args:
        context: the model, which decides whether there is a code length.
        nats: an estimate of -log p(x), or of a bound on it, in nats per image.

    Returns:
        The estimate under the name `bits_per_dim`, or an empty dictionary.
    """
    dequantization = context.data.dequantization
    if not has_code_length(get_object(context.config.likelihood["_target_"]).support, dequantization):
        return {}
    num_dims = context.images.x[0].numel()
    value = bits_per_dim(nats.value, num_dims, dequantized=dequantization == "uniform")
    error = None if nats.standard_error is None else bits_per_dim(nats.standard_error, num_dims)
    return {"bits_per_dim": nats._replace(value=value, standard_error=error, estimator=f"{nats.estimator}, in bits")}
