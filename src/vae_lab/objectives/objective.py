"""What an objective is: a model and a batch in, a loss to minimise out."""

from abc import ABC, abstractmethod
from typing import ClassVar, Literal, NamedTuple

from torch import Tensor, nn

from vae_lab.configuration.declarations import Declaring, PosteriorDensity, SampleDensity
from vae_lab.models.latent_model import LatentModel

# How the epochs of a run are compared: by the model's own metric, by the loss on validation images, or not at all.
EpochRule = Literal["elbo", "objective", "last"]


class Loss(NamedTuple):
    """What an objective gives for a batch, in nats per image, averaged over the batch."""

    value: Tensor  # scalar, to be minimised
    terms: dict[str, Tensor]  # scalars, detached: what is logged under `train/NAME`


class Objective(nn.Module, Declaring, ABC):
    """A loss variant: `loss = -bound` for the bounds, with every term under its own name.

    Networks of its own, such as a discriminator, are its submodules, and train in the same step. Every objective states
    the attributes without a default as literals, which the configuration check reads as text.

    Attributes:
        posterior_density: the posterior it is for, with a density ("required"), without ("absent"), "any" or "unused".
        sample_density: what it wants of log q at samples, "where_needed", "always", "path_only" or "fixed".
        fits_prior: whether the prior is part of it, so that samples of the prior decode to images.
        fits_likelihood: whether the scale of p(x | z) is trained too, not the mean alone.
        needs_batch: whether it compares the codes of a batch with each other, so that one image alone means nothing.
        needs_diagonal: whether it looks at each latent unit by itself, and so depends on the axes of the latent space.
        needs_fixed_prior: whether it compares samples of the prior with codes, which trains no prior.
        needs_real_codes: whether it moves codes along gradients, out of any space but that of real vectors.
        needs_one_layer: whether it takes one stochastic layer only, False unless stated.
        needs_num_images: whether `__init__` takes `num_images`, the size of the training set, False unless stated.
        needs_image_shape: whether `__init__` takes `image_shape`, (channels, height, width), False unless stated.
        needs_latent_dim: whether `__init__` takes `latent_dim`, False unless stated.
        compares_epochs: whether a lower loss on validation images is a better epoch: it is a mean over images, and no
            second player is trained by it; True unless stated.
        trains_in_stages: whether some batches train some of the layers only, False unless stated.
        uncompilable: why `torch.compile` cannot take it as one graph, empty where it can.
    """

    posterior_density: ClassVar[PosteriorDensity]
    sample_density: ClassVar[SampleDensity]
    fits_prior: ClassVar[bool]
    fits_likelihood: ClassVar[bool]
    needs_batch: ClassVar[bool]
    needs_diagonal: ClassVar[bool]
    needs_fixed_prior: ClassVar[bool]
    needs_real_codes: ClassVar[bool]
    # These have a default, as a class that forgets one stops with an error instead of giving another number.
    needs_one_layer: ClassVar[bool] = False
    needs_num_images: ClassVar[bool] = False
    needs_image_shape: ClassVar[bool] = False
    needs_latent_dim: ClassVar[bool] = False
    compares_epochs: ClassVar[bool] = True
    trains_in_stages: ClassVar[bool] = False
    uncompilable: ClassVar[str] = ""

    @abstractmethod
    def forward(self, model: LatentModel, x: Tensor, c: Tensor | None = None) -> Loss:
        """The loss of a batch of images `x`, of shape (B, C, H, W), given what they are conditioned on."""

    def epoch_rule(self) -> EpochRule:
        """Return how the epochs of a run are compared where `choose_epoch_by` is auto."""
        return "elbo"
