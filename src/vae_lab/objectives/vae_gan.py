"""The VAE-GAN: a VAE that compares images by the features of a discriminator."""

import torch
from torch import Tensor

from vae_lab.configuration.options import NonNegativeFloat, PositiveFloat, Widths
from vae_lab.maths import adversarial, smoothness
from vae_lab.models.latent_model import LatentModel
from vae_lab.networks.discriminators import ImageDiscriminator
from vae_lab.networks.frozen import apply_frozen
from vae_lab.objectives.objective import Loss, Objective


class VAEGAN(Objective):
    """VAE-GAN: the rate, a distortion of learned features, and a GAN loss for the decoder.

    encoder:        rate + F,  F = E_q[1/2 |f(x) - f(x~)|^2],  x~ = E[x | z], z ~ q(z | x)
    decoder:        gamma F - E[log D(x~)] - E[log D(x_p)],  x_p = E[x | z], z ~ p(z)
    discriminator:  -E[log D(x)] - E[log(1 - D(x~))] - E[log(1 - D(x_p))] + R1/2 E[|d logit D(x) / dx|^2]

    f are the last activations of the discriminator D, held fixed in F. Up to a constant, F is the negative log-density
    of a normal distribution of features with unit variance. Larsen et al. 2016, algorithm 1,
    https://arxiv.org/abs/1512.09300, with the non-saturating loss for the decoder and the penalty R1 of Mescheder et
    al. 2018, https://arxiv.org/abs/1801.04406. F is not a log-density of x, so the loss is not a bound on the
    likelihood. The ELBO of the model's own likelihood is logged as well. That ELBO may be low even if the images look
    good: for binary pixels, means near 0 and 1 are what the discriminator takes for real, and each wrong one costs many
    nats.

    Args:
        image_shape: channels, height, width.
        gamma: the weight of F for the decoder.
        gradient_penalty: R1, the weight of the penalty.
        widths: output channels of each convolution of the discriminator.
    """

    posterior_density = "required"
    sample_density = "where_needed"
    fits_prior = True
    fits_likelihood = False
    needs_batch = False
    needs_diagonal = False
    needs_fixed_prior = False
    needs_real_codes = False
    compares_epochs = False
    needs_image_shape = True
    needs_one_layer = True

    def __init__(
        self, image_shape: tuple[int, ...], gamma: PositiveFloat, gradient_penalty: NonNegativeFloat, widths: Widths
    ) -> None:
        super().__init__()
        self.gradient_penalty = gradient_penalty
        self.gamma = gamma
        self.discriminator = ImageDiscriminator(image_shape, widths)

    def forward(self, model: LatentModel, x: Tensor, c: Tensor | None = None) -> Loss:
        trace = model.trace(x, c)
        (latent,) = trace.latents
        z, rate, distortion = latent.z[0], trace.kl().mean(), -trace.log_px.mean()

        # gamma weights F for the decoder alone, so the gradient through z to the encoder is divided by it.
        reconstruction = model.decode(adversarial.scaled_gradient(z, 1 / self.gamma), c).mean
        features = self.discriminator.features
        difference = apply_frozen(features, reconstruction) - apply_frozen(features, x)  # (B, F)
        feature_distortion = difference.square().sum(-1).mean() / 2

        reconstructed = model.decode(z.detach(), c).mean  # for the decoder, without a gradient for the encoder
        generated = model.sample_joint(len(x), c).p.mean
        logits = [apply_frozen(self.discriminator, images) for images in (reconstructed, generated)]
        generator = sum(map(adversarial.non_saturating_loss, logits), torch.zeros_like(rate))
        discriminator = adversarial.discriminator_loss(
            *(self.discriminator(images) for images in (x, reconstructed.detach(), generated.detach()))
        )
        penalty = smoothness.squared_jacobian(self.discriminator, x, torch.ones_like).mean() / 2

        terms = {
            "feature_distortion": feature_distortion,
            "generator_loss": generator,
            "discriminator_loss": discriminator,
            "gradient_penalty": penalty,
            "elbo": -(rate + distortion),
            "rate": rate,
            "distortion": distortion,
        }
        value = rate + self.gamma * feature_distortion + generator + discriminator + self.gradient_penalty * penalty
        return Loss(value, {name: term.detach() for name, term in terms.items()})
