"""Regularised autoencoders."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor

from vae_lab.configuration.options import NonNegativeFloat
from vae_lab.maths import smoothness
from vae_lab.models.latent_model import LatentModel
from vae_lab.models.vae import VAE
from vae_lab.objectives.objective import Loss, Objective


class RegularisedAutoencoder(Objective, ABC):
    """A deterministic code, drawn to the origin, with a smooth decoder.

    loss = distortion + beta / 2 |z|^2 + lambda R

    Nothing draws the codes to the prior, so the model has no samples: the paper fits a density to the codes
    afterwards. Ghosh et al. 2020, section 3, https://arxiv.org/abs/1903.12436.

    Args:
        code_weight: beta.
        decoder_weight: lambda, the weight of what keeps the decoder smooth.
    """

    posterior_density = "absent"
    sample_density = "where_needed"
    fits_prior = False
    fits_likelihood = True
    needs_batch = False
    needs_diagonal = False
    needs_fixed_prior = False
    needs_real_codes = False
    needs_one_layer = True

    def __init__(self, code_weight: NonNegativeFloat, decoder_weight: NonNegativeFloat) -> None:
        super().__init__()
        self.code_weight, self.decoder_weight = code_weight, decoder_weight

    @abstractmethod
    def penalty(self, model: VAE, z: Tensor, c: Tensor | None) -> Tensor:
        """R for the decoder of a model at the codes of a batch, of shape ()."""

    def forward(self, model: LatentModel, x: Tensor, c: Tensor | None = None) -> Loss:
        assert isinstance(model, VAE), "the check of the configuration asks for a deterministic code"
        trace = model.trace(x, c)
        (latent,) = trace.latents
        z, distortion = latent.z[0], -trace.log_px.mean()
        code = z.square().sum(-1).mean() / 2
        penalty = self.penalty(model, z, c)
        terms = {"distortion": distortion, "code_penalty": code, "decoder_penalty": penalty}
        value = distortion + self.code_weight * code + self.decoder_weight * penalty
        return Loss(value, {name: term.detach() for name, term in terms.items()})


class WeightRegularised(RegularisedAutoencoder):
    """The regularised autoencoder with R = |W|^2, over the weights of the decoder's linear maps."""

    def penalty(self, model: VAE, z: Tensor, c: Tensor | None) -> Tensor:
        return smoothness.squared_weights(model.decoder)


class GradientRegularised(RegularisedAutoencoder):
    """The regularised autoencoder with R = E[|dm/dz|_F^2], the Jacobian of m(z) = E[x | z] at the codes.

    It is estimated without bias along one random direction for each image.
    """

    def penalty(self, model: VAE, z: Tensor, c: Tensor | None) -> Tensor:
        return smoothness.squared_jacobian(lambda at: model.decode(at, c).mean, z, standard_normal).mean()


def standard_normal(like: Tensor) -> Tensor:
    """Noise of the shape, device and precision of a tensor."""
    return torch.randn(like.shape, dtype=like.dtype, device=like.device)
