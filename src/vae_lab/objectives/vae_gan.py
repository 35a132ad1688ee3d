"""The VAE whose reconstructions are compared by what a discriminator sees in them."""

import torch
from torch import Tensor

from vae_lab.configuration.options import NonNegativeFloat, PositiveFloat, Widths
from vae_lab.maths import adversarial, smoothness
from vae_lab.models.latent_model import LatentModel
from vae_lab.networks.discriminators import ImageDiscriminator
from vae_lab.networks.frozen import frozen
from vae_lab.objectives.objective import Loss, Objective


class VAEGAN(Objective):
    """The rate, a distortion of learned features, and a GAN on the decoder.

    encoder:        rate + F,  F = E_q[1/2 |f(x) - f(x~)|^2],  x~ = E[x | z], z ~ q(z | x)
    decoder:        gamma F - E[log D(x~)] - E[log D(x_p)],  x_p = E[x | z], z ~ p(z)
    discriminator:  -E[log D(x)] - E[log(1 - D(x~))] - E[log(1 - D(x_p))] + R1/2 E[|d logit D(x) / dx|^2]

    f are the last activations of the discriminator D, held fixed in F: a normal law of features with unit variance,
    but for its constant. Larsen et al. 2016, algorithm 1, https://arxiv.org/abs/1512.09300, with the non-saturating
    loss for the decoder and the penalty R1 of Mescheder et al. 2018, https://arxiv.org/abs/1801.04406. F is no
    log-density of x, so the loss bounds nothing; the ELBO of the model's own likelihood is logged beside it.
    That ELBO may be low where images are good: of binary pixels, means near 0 and 1 fool the discriminator, and cost
    many nats wherever they are wrong.

    Args:
        image_shape: channels, height, width.
        gamma: the weight of F for the decoder.
        gradient_penalty: the weight of R1.
        widths: channels behind each convolution of the discriminator.
    """

    posterior_density = "required"
    sample_density = "where_needed"
    fits_prior = True
    fits_likelihood = False
    needs_batch = False
    needs_diagonal = False
    needs_fixed_prior = False
    needs_real_codes = False
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

        # The factor gamma for the decoder alone: what passes through z is divided by it again.
        seen = model.decode(adversarial.scaled_gradient(z, 1 / self.gamma), c).mean
        features = self.discriminator.features
        difference = frozen(features, seen) - frozen(features, x)  # (B, F)
        feature_distortion = difference.square().sum(-1).mean() / 2

        reconstructed = model.decode(z.detach(), c).mean
        generated = model.sample_joint(len(x), c).p.mean
        judged = [frozen(self.discriminator, images) for images in (reconstructed, generated)]
        generator = sum(map(adversarial.non_saturating_loss, judged), torch.zeros_like(rate))
        discriminator = adversarial.discriminator_loss(
            *(self.discriminator(images) for images in (x, reconstructed.detach(), generated.detach()))
        )
        steepness = smoothness.squared_jacobian(self.discriminator, x, torch.ones_like).mean() / 2

        terms = {
            "feature_distortion": feature_distortion,
            "generator_loss": generator,
            "discriminator_loss": discriminator,
            "gradient_penalty": steepness,
            "elbo": -(rate + distortion),
            "rate": rate,
            "distortion": distortion,
        }
        value = rate + self.gamma * feature_distortion + generator + discriminator + self.gradient_penalty * steepness
        return Loss(value, {name: term.detach() for name, term in terms.items()})
