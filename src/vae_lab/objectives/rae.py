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
    """The base class of regularised autoencoders: a deterministic code near the origin, and a smooth decoder.

    loss = distortion + beta / 2 |z|^2 + lambda R

    As the loss does not depend on the prior, the model cannot generate images; the paper fits a density to the codes
    afterwards. Ghosh et al. 2020, section 3, https://arxiv.org/abs/1903.12436.

    Args:
        code_weight: beta.
        decoder_weight: lambda, the weight of the penalty R on the decoder.
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
        """Return the penalty R on the decoder of a model, of shape ().

        Args:
            model: the model whose decoder is penalised.
            z: the codes of a batch, of shape (B, D).
            c: the condition of each image, or None.
        """

    def forward(self, model: LatentModel, x: Tensor, c: Tensor | None = None) -> Loss:
        assert isinstance(model, VAE), "the check of the configuration asks for a deterministic code"
        trace = model.trace(x, c)
        (latent,) = trace.latents
        z, distortion = latent.z[0], -trace.log_px.mean()
        code_penalty = z.square().sum(-1).mean() / 2
        decoder_penalty = self.penalty(model, z, c)
        terms = {"distortion": distortion, "code_penalty": code_penalty, "decoder_penalty": decoder_penalty}
        value = distortion + self.code_weight * code_penalty + self.decoder_weight * decoder_penalty
        return Loss(value, {name: term.detach() for name, term in terms.items()})


class WeightRegularised(RegularisedAutoencoder):
    """The regularised autoencoder with R = |W|^2, the sum of squares of the decoder's weights, without biases."""

    def penalty(self, model: VAE, z: Tensor, c: Tensor | None) -> Tensor:
        return smoothness.squared_weights(model.decoder)


class GradientRegularised(RegularisedAutoencoder):
    """The regularised autoencoder with R = E[|dm/dz|_F^2], the Jacobian of m(z) = E[x | z] at the codes.

    The estimate is unbiased, along one random direction for each image.
    """

    def penalty(self, model: VAE, z: Tensor, c: Tensor | None) -> Tensor:
        return smoothness.squared_jacobian(lambda at: model.decode(at, c).mean, z, standard_normal).mean()


def standard_normal(like: Tensor) -> Tensor:
    """Draw standard normal noise of the shape, device and dtype of a tensor."""
    return torch.randn(like.shape, dtype=like.dtype, device=like.device)
