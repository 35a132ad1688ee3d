"""What `vae_lab.evaluate` is made of: a measure takes a trained model and images, and gives estimates."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
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


class Images(NamedTuple):
    """Images as the likelihood sees them."""

    x: Tensor  # (N, C, H, W), in [0, 1]
    labels: Tensor  # (N,)
    c: Tensor | None  # (N, classes), what the model is conditioned on, if anything
    factors: Tensor | None = None  # (N, F), what the images were made from, where that is known

    def take(self, index: Tensor | slice) -> "Images":
        """Some of them."""
        c, factors = (None if part is None else part[index] for part in (self.c, self.factors))
        return Images(self.x[index], self.labels[index], c, factors)

    def split_up(self, size: int) -> list["Images"]:
        """All of them in order, in pieces of at most `size`."""
        return [self.take(index) for index in torch.arange(len(self.x), device=self.x.device).split(size)]

    def some(self, num: int) -> "Images":
        """So many of them at random, the same ones every time; where there are fewer, all in their order."""
        if num >= len(self.x):
            return self
        order = torch.randperm(len(self.x), generator=generator("cpu", SPLIT_SEED, RngStream.SUBSET))
        return self.take(order[:num].to(self.x.device))


@dataclass(frozen=True)
class EvaluationContext:
    """A trained model, and the images that it is measured on."""

    model: LatentModel  # in evaluation mode, its parameters without gradients
    config: DictConfig  # of its run
    fits_prior: bool  # whether training drew the codes towards the prior
    data: ImageData  # its whole data set, treated as the likelihood needs
    images: Images  # of the chosen split
    training: Images  # what probes, neighbours and classifiers learn from
    seed: int
    device: torch.device
    max_rows: int  # decoded images held at once
    held_out: bool = True  # whether none of `images` is among `training`


class Estimate(NamedTuple):
    """One figure, with what it takes to trust it."""

    value: float
    estimator: str  # in words, with its formula's name
    num_images: int
    standard_error: float | None = None  # over images, where the figure is a mean over them
    num_samples: int | None = None  # latent samples for each image
    details: Mapping[str, object] | None = None  # lists and settings behind the value, as JSON takes them


class Measure(ABC):
    """A group of figures; `conf/measure/NAME.yaml` names each measure and holds its options."""

    @abstractmethod
    def unavailable_reason(self, context: EvaluationContext) -> str | None:
        """Why it is not defined for this run, in one line; None where it is."""

    @abstractmethod
    def __call__(self, context: EvaluationContext) -> Mapping[str, Estimate]:
        """The figures by name, in nats per image where they are likelihoods."""


def over_images(values: Tensor, estimator: str, *, num_samples: int | None = None) -> Estimate:
    """The mean of a figure of each image, of shape (N,), with its standard error."""
    num_images = len(values)
    error = (values.std() / num_images**0.5).item() if num_images > 1 else None
    return Estimate(values.mean().item(), estimator, num_images, error, num_samples)


def no_elbo(context: EvaluationContext) -> str | None:
    """Why a model has no ELBO, and so no likelihood estimate by its posterior; None where it has one."""
    return None if context.model.has_elbo else "the model has no posterior with a density, and so no ELBO"


def no_encoder(context: EvaluationContext) -> str | None:
    """Why images have no codes under a model; None where they have."""
    return None if context.model.has_encoder else "the model has no encoder, and so images have no codes"


def not_held_out(context: EvaluationContext) -> str | None:
    """Why what is learned from the training images is not scored on these; None where they are held out."""
    return (
        None if context.held_out else "these are training images, from which it is learned; choose split=test (or val)"
    )


def code_length(context: EvaluationContext, nats: Estimate) -> dict[str, Estimate]:
    """Bits per dimension of a figure in nats per image, where they are (a bound on) the length of a code."""
    dequantization = context.data.dequantization
    if not has_code_length(get_object(context.config.likelihood["_target_"]).support, dequantization):
        return {}
    num_dims = context.images.x[0].numel()
    value = bits_per_dim(nats.value, num_dims, dequantized=dequantization == "uniform")
    error = None if nats.standard_error is None else bits_per_dim(nats.standard_error, num_dims)
    return {"bits_per_dim": nats._replace(value=value, standard_error=error, estimator=f"{nats.estimator}, in bits")}
