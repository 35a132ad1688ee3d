"""The adversarial autoencoder."""

from collections.abc import Sequence

import torch
from torch import Tensor

from vae_lab.configuration.options import NonNegativeFloat, Size
from vae_lab.maths import adversarial, smoothness
from vae_lab.models.latent_model import LatentModel
from vae_lab.networks.discriminators import CodeDiscriminator
from vae_lab.networks.frozen import apply_frozen
from vae_lab.objectives.aggregate import prior_samples
from vae_lab.objectives.objective import Loss, Objective


class AdversarialAutoencoder(Objective):
    """The distortion, and an adversarial loss that makes the codes follow the prior.

    model:          distortion - lambda E[log D(z)],  z ~ q(z) = E_data[q(z | x)]
    discriminator:  -E[log D(z_p)] - E[log(1 - D(z))] + R1/2 E[|d logit D(z_p) / dz_p|^2],  z_p ~ p(z)

    The posterior may be a deterministic code. Makhzani et al. 2015, section 2, https://arxiv.org/abs/1511.05644, who
    alternate between distortion and discriminator, with an optimizer for each. Here both are minimised in one step, so
    lambda sets their relative weight. The penalty R1 of Mescheder et al. 2018, https://arxiv.org/abs/1801.04406, keeps
    the discriminator from driving the codes away.

    Args:
        latent_dim: D, the units of z.
        adversarial_weight: lambda.
        gradient_penalty: R1, the weight of the penalty.
        hidden_sizes: units of each hidden layer of the discriminator.
    """

    posterior_density = "any"
    sample_density = "where_needed"
    fits_prior = True
    fits_likelihood = True
    needs_batch = False
    needs_diagonal = False
    needs_fixed_prior = True
    needs_real_codes = False
    compares_epochs = False
    needs_one_layer = True
    needs_latent_dim = True

    def __init__(
        self,
        latent_dim: int,
        adversarial_weight: NonNegativeFloat,
        gradient_penalty: NonNegativeFloat,
        hidden_sizes: Sequence[Size],
    ) -> None:
        super().__init__()
        self.gradient_penalty = gradient_penalty
        self.adversarial_weight = adversarial_weight
        self.discriminator = CodeDiscriminator(latent_dim, hidden_sizes)

    def forward(self, model: LatentModel, x: Tensor, c: Tensor | None = None) -> Loss:
        trace = model.trace(x, c)
        (latent,) = trace.latents
        z, distortion = latent.z[0], -trace.log_px.mean()
        encoder = adversarial.non_saturating_loss(apply_frozen(self.discriminator, z))
        z_prior = prior_samples(latent.p, len(z))  # (B, D)
        discriminator = adversarial.discriminator_loss(self.discriminator(z_prior), self.discriminator(z.detach()))
        penalty = smoothness.squared_jacobian(self.discriminator, z_prior, torch.ones_like).mean() / 2
        terms = {
            "distortion": distortion,
            "encoder_loss": encoder,
            "discriminator_loss": discriminator,
            "gradient_penalty": penalty,
        }
        value = distortion + self.adversarial_weight * encoder + discriminator + self.gradient_penalty * penalty
        return Loss(value, {name: term.detach() for name, term in terms.items()})
