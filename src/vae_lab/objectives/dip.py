"""The DIP-VAE: a penalty on the covariance of the codes."""

import torch
from torch import Tensor

from vae_lab.configuration.options import NonNegativeFloat, Size
from vae_lab.maths import divergences
from vae_lab.maths.processes import gather, mean_over_processes
from vae_lab.models.latent_model import LatentModel
from vae_lab.objectives.objective import EpochRule, Loss, Objective
from vae_lab.objectives.schedules import Schedule, as_schedule
from vae_lab.objectives.terms import elbo_terms


class DIP(Objective):
    """DIP-VAE: the negative ELBO, and a penalty that draws the covariance of the codes towards the identity.

    loss = -ELBO + l_od sum_{i != j} C_ij^2 + l_d sum_i (C_ii - 1)^2

    C is Cov[E_q z] over the batch of all processes (DIP-VAE-I). With the mean variance of the posteriors added to it, C
    is the covariance of the aggregate posterior (DIP-VAE-II). Kumar et al. 2018, equations 6 and 7,
    https://arxiv.org/abs/1711.00848.

    Args:
        off_diagonal: l_od, the weight of the covariances.
        diagonal: l_d, the weight of the variances.
        of_samples: whether C is the covariance of z (DIP-VAE-II) or of its posterior mean (DIP-VAE-I).
        num_samples: latent samples for each image.
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

    def __init__(
        self,
        off_diagonal: NonNegativeFloat | Schedule,
        diagonal: NonNegativeFloat | Schedule,
        of_samples: bool,
        num_samples: Size = 1,
    ) -> None:
        super().__init__()
        self.off_diagonal, self.diagonal = as_schedule(off_diagonal), as_schedule(diagonal)
        self.of_samples = of_samples
        self.num_samples = num_samples

    def forward(self, model: LatentModel, x: Tensor, c: Tensor | None = None) -> Loss:
        trace = model.trace(x, c, num_samples=self.num_samples)
        terms = elbo_terms(trace)
        (latent,) = trace.latents
        covariance = divergences.covariance(gather(latent.q.mean))  # (D, D)
        if self.of_samples:
            covariance = covariance + torch.diag(mean_over_processes(latent.q.variance.mean(0)))
        off_diagonal_penalty, diagonal_penalty = divergences.dip_penalties(covariance)
        off_diagonal, diagonal = self.off_diagonal(terms.rate), self.diagonal(terms.rate)
        value = terms.distortion + terms.rate + off_diagonal * off_diagonal_penalty + diagonal * diagonal_penalty
        return terms.loss(
            value,
            dip_off_diagonal=off_diagonal_penalty,
            dip_diagonal=diagonal_penalty,
            off_diagonal=off_diagonal,
            diagonal=diagonal,
        )

    def epoch_rule(self) -> EpochRule:
        return "last"
