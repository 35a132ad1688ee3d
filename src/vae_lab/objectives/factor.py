"""FactorVAE: a penalty on the total correlation, estimated by a discriminator."""

from collections.abc import Sequence

from torch import Tensor

from vae_lab.configuration.options import NonNegativeFloat, Size
from vae_lab.maths import adversarial
from vae_lab.maths.processes import gather, own_rows
from vae_lab.models.latent_model import LatentModel
from vae_lab.networks.discriminators import CodeDiscriminator
from vae_lab.networks.frozen import apply_frozen
from vae_lab.objectives.objective import EpochRule, Loss, Objective
from vae_lab.objectives.schedules import Schedule, as_schedule
from vae_lab.objectives.terms import elbo_terms


class FactorVAE(Objective):
    """FactorVAE: the negative ELBO, and the total correlation of the codes as a discriminator estimates it.

    model:          distortion + rate + gamma TC,  TC = E_q(z)[log q(z) / prod_d q(z_d)] ~ E_q(z)[log D(z) / (1 - D(z))]
    discriminator:  -E_q(z)[log D(z)] - E[log(1 - D(z'))],  z' ~ prod_d q(z_d)

    z' are the codes of the batch, with each dimension permuted independently. Kim & Mnih 2018, section 3 and algorithm
    2, https://arxiv.org/abs/1802.05983, permute the codes of a second batch. That would need another pass of the
    encoder and has the same expectation, as each term of the discriminator's loss is an average of its own.

    Args:
        latent_dim: D, the units of z.
        gamma: the weight of the total correlation.
        hidden_sizes: units of each hidden layer of the discriminator.
    """

    posterior_density = "required"
    sample_density = "where_needed"
    fits_prior = True
    fits_likelihood = True
    needs_batch = True
    needs_diagonal = True
    needs_fixed_prior = False
    needs_real_codes = False
    compares_epochs = False
    needs_one_layer = True
    needs_latent_dim = True

    def __init__(self, latent_dim: int, gamma: NonNegativeFloat | Schedule, hidden_sizes: Sequence[Size]) -> None:
        super().__init__()
        self.gamma = as_schedule(gamma)
        self.discriminator = CodeDiscriminator(latent_dim, hidden_sizes)

    def forward(self, model: LatentModel, x: Tensor, c: Tensor | None = None) -> Loss:
        trace = model.trace(x, c)
        terms = elbo_terms(trace)
        (latent,) = trace.latents
        z = latent.z[0]  # (B, D)
        total_correlation = apply_frozen(self.discriminator, z).mean()
        codes = z.detach()
        permuted = own_rows(len(z), adversarial.permute_dimensions(gather(codes)))  # (B / P, D), among all processes
        discriminator = adversarial.discriminator_loss(self.discriminator(codes), self.discriminator(permuted))
        gamma = self.gamma(terms.rate)
        value = terms.distortion + terms.rate + gamma * total_correlation + discriminator
        return terms.loss(value, total_correlation=total_correlation, discriminator_loss=discriminator, gamma=gamma)

    def epoch_rule(self) -> EpochRule:
        return "last"
