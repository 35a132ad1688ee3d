"""The generative adversarial network."""

import torch
from torch import Tensor

from vae_lab.configuration.options import NonNegativeFloat, Widths
from vae_lab.maths import adversarial, smoothness
from vae_lab.models.latent_model import LatentModel
from vae_lab.networks.discriminators import ImageDiscriminator
from vae_lab.networks.frozen import apply_frozen
from vae_lab.objectives.objective import Loss, Objective


class GAN(Objective):
    """The generative adversarial network: a generator and a discriminator of images, without an encoder.

    generator:      -E[log D(x~)],  x~ = E[x | z], z ~ p(z)
    discriminator:  -E[log D(x)] - E[log(1 - D(x~))] + R1/2 E[|d logit D(x) / dx|^2]

    Goodfellow et al. 2014, algorithm 1 with one step for each, and the non-saturating loss of section 3,
    https://arxiv.org/abs/1406.2661. Both are trained in the same step: in the generator's loss the discriminator is
    held fixed, in the discriminator's loss the images are. The penalty R1 keeps the discriminator from becoming perfect
    at the generator's learning rate: Mescheder et al. 2018, equation 9, https://arxiv.org/abs/1801.04406. Without it
    the losses are those of the first paper. No term is a bound on the likelihood.

    The generated images are the means of p(x | z). If the data are binary, the discriminator can recognise them by
    their grey levels until the generator has learned to avoid these. Sampling binary pixels instead, with the gradient
    of their means, learned far more slowly, because the noise hides the effect of z.

    Args:
        image_shape: channels, height, width.
        gradient_penalty: R1, the weight of the penalty.
        widths: output channels of each convolution of the discriminator.
    """

    posterior_density = "unused"
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

    def __init__(self, image_shape: tuple[int, ...], gradient_penalty: NonNegativeFloat, widths: Widths) -> None:
        super().__init__()
        self.gradient_penalty = gradient_penalty
        self.discriminator = ImageDiscriminator(image_shape, widths)

    def forward(self, model: LatentModel, x: Tensor, c: Tensor | None = None) -> Loss:
        generated = model.sample_joint(len(x), c).p.mean
        generator = adversarial.non_saturating_loss(apply_frozen(self.discriminator, generated))
        discriminator = adversarial.discriminator_loss(self.discriminator(x), self.discriminator(generated.detach()))
        penalty = smoothness.squared_jacobian(self.discriminator, x, torch.ones_like).mean() / 2
        terms = {"generator_loss": generator, "discriminator_loss": discriminator, "gradient_penalty": penalty}
        value = generator + discriminator + self.gradient_penalty * penalty
        return Loss(value, {name: term.detach() for name, term in terms.items()})
