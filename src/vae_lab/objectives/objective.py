"""What an objective is: a model and a batch in, a loss to minimise out."""

from abc import ABC, abstractmethod
from typing import ClassVar, NamedTuple

from torch import Tensor, nn

from vae_lab.configuration.declarations import PosteriorDensity, SampleDensity
from vae_lab.models.latent_model import LatentModel


class Loss(NamedTuple):
    """What an objective gives for a batch, in nats per image, averaged over the batch."""

    value: Tensor  # scalar, to be minimised
    terms: dict[str, Tensor]  # scalars, detached: what is logged under `train/NAME`


class Objective(nn.Module, ABC):
    """A loss variant: `loss = -bound` for the bounds, with every term under its own name.

    `posterior_density` says whether it needs a posterior with a density, or none at all; `fits_prior` whether training
    draws the latent codes towards the prior, so that samples of the prior decode to images; `sample_density` what it
    needs of log q at samples. What it needs of the other parts: one stochastic layer and batches of several images,
    laws of independent normal units, a prior without parameters, a likelihood without more than a mean, and sizes.
    Networks of its own, such as a discriminator, are its submodules, and train in the same step.
    """

    posterior_density: ClassVar[PosteriorDensity] = "required"
    fits_prior: ClassVar[bool] = True
    sample_density: ClassVar[SampleDensity] = "where_needed"
    needs_batch: ClassVar[bool] = False  # it estimates q(z) from a batch
    needs_diagonal: ClassVar[bool] = False
    needs_fixed_prior: ClassVar[bool] = False
    needs_one_layer: ClassVar[bool] = False
    fits_likelihood: ClassVar[bool] = True  # False: it sees the means of p(x | z) alone
    needs_num_images: ClassVar[bool] = False  # its `__init__` is then given `num_images`
    needs_image_shape: ClassVar[bool] = False  # or `image_shape`: channels, height, width
    needs_latent_dim: ClassVar[bool] = False  # or `latent_dim`
    needs_real_codes: ClassVar[bool] = False  # z is a real vector
    trains_in_stages: ClassVar[bool] = False  # some batches train some of the layers only
    uncompilable: ClassVar[str] = ""  # why `torch.compile` cannot take it as one graph, where it cannot

    @abstractmethod
    def forward(self, model: LatentModel, x: Tensor, c: Tensor | None = None) -> Loss:
        """The loss of a batch of images `x`, of shape (B, C, H, W), given what they are conditioned on."""
