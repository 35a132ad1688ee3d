"""The generative adversarial network."""

import torch
from torch import Tensor

from vae_lab.configuration.options import NonNegativeFloat, Widths
from vae_lab.maths import adversarial, smoothness
from vae_lab.models.latent_model import LatentModel
from vae_lab.networks.discriminators import ImageDiscriminator
from vae_lab.networks.frozen import frozen
from vae_lab.objectives.objective import Loss, Objective


class GAN(Objective):
    """A generator against a discriminator of images, without an encoder.

    generator:      -E[log D(x~)],  x~ = E[x | z], z ~ p(z)
    discriminator:  -E[log D(x)] - E[log(1 - D(x~))] + R1/2 E[|d logit D(x) / dx|^2]

    Goodfellow et al. 2014, algorithm 1 with one step for each, and the non-saturating loss of section 3,
    https://arxiv.org/abs/1406.2661. Both learn in one step: the generator sees the discriminator held fixed, the
    discriminator the images held fixed. The penalty R1 keeps the discriminator from winning outright, at the learning
    rate of the generator: Mescheder et al. 2018, equation 9, https://arxiv.org/abs/1801.04406; without it the losses
    are those of the first paper. None is a bound on anything.

    The images of the generator are the means of p(x | z). Where those of the data are binary, they are told apart by
    their grey levels until the generator has learned to leave none. Drawing binary pixels instead, with the gradient of
    their means, learned far more slowly: the noise hides what z does.

    Args:
        image_shape: channels, height, width.
        gradient_penalty: the weight of R1.
        widths: channels behind each convolution of the discriminator.
    """

    posterior_density = "unused"
    sample_density = "where_needed"
    fits_prior = True
    fits_likelihood = False
    needs_batch = False
    needs_diagonal = False
    needs_fixed_prior = False
    needs_real_codes = False
    needs_image_shape = True
    needs_one_layer = True

    def __init__(self, image_shape: tuple[int, ...], gradient_penalty: NonNegativeFloat, widths: Widths) -> None:
        super().__init__()
        self.gradient_penalty = gradient_penalty
        self.discriminator = ImageDiscriminator(image_shape, widths)

    def forward(self, model: LatentModel, x: Tensor, c: Tensor | None = None) -> Loss:
        generated = model.sample_joint(len(x), c).p.mean
        generator = adversarial.non_saturating_loss(frozen(self.discriminator, generated))
        discriminator = adversarial.discriminator_loss(self.discriminator(x), self.discriminator(generated.detach()))
        steepness = smoothness.squared_jacobian(self.discriminator, x, torch.ones_like).mean() / 2
        terms = {"generator_loss": generator, "discriminator_loss": discriminator, "gradient_penalty": steepness}
        value = generator + discriminator + self.gradient_penalty * steepness
        return Loss(value, {name: term.detach() for name, term in terms.items()})
