"""The beta-TC-VAE: a weight for each part of the rate."""

from typing import Literal

from torch import Tensor
from torch.distributions import Independent, Normal

from vae_lab.configuration.options import NonNegativeFloat, Size
from vae_lab.maths import divergences
from vae_lab.maths.processes import gather, own_rows
from vae_lab.models.latent_model import LatentModel
from vae_lab.objectives.objective import EpochRule, Loss, Objective
from vae_lab.objectives.schedules import Schedule, as_schedule
from vae_lab.objectives.terms import elbo_terms

LOG_WEIGHTS = {
    "weighted": divergences.weighted_log_weights,
    "stratified": divergences.stratified_log_weights,
}


class BetaTC(Objective):
    """Beta-TC-VAE: the negative ELBO, with the rate decomposed into three parts that have a weight each.

    loss = distortion + alpha MI + beta TC + gamma DW
    MI = E[log q(z | x) / q(z)],  TC = E[log q(z) / prod_d q(z_d)],  DW = E[log prod_d q(z_d) / p(z)]

    MI is the mutual information of image and z, TC the total correlation, and DW the dimension-wise KL: for a prior
    without conditions, the sum of KL(q(z_d) || p(z_d)). As MI + TC + DW is the rate, the loss is computed as
    distortion + rate + (alpha - 1) MI + (beta - 1) TC + (gamma - 1) DW, with the rate in closed form. That has the same
    expectation and less variance, and equals the negative ELBO for alpha = beta = gamma = 1. Chen et al. 2018, equation
    4, https://arxiv.org/abs/1802.04942.

    Args:
        num_images: N, the images in the training set.
        alpha: the weight of MI.
        beta: the weight of TC.
        gamma: the weight of DW.
        sampling: the estimator of q(z) from a batch, `weighted` or `stratified` minibatch sampling. With the first, MI
            is at most log B for a batch of B images.
        num_samples: latent samples for each image.
    """

    posterior_density = "required"
    sample_density = "always"
    fits_prior = True
    fits_likelihood = True
    needs_batch = True
    needs_diagonal = True
    needs_fixed_prior = False
    needs_real_codes = False
    compares_epochs = False
    needs_one_layer = True
    needs_num_images = True

    def __init__(
        self,
        num_images: int,
        beta: NonNegativeFloat | Schedule,
        alpha: NonNegativeFloat | Schedule = 1.0,
        gamma: NonNegativeFloat | Schedule = 1.0,
        sampling: Literal["weighted", "stratified"] = "weighted",
        num_samples: Size = 1,
    ) -> None:
        super().__init__()
        self.num_images = num_images
        self.alpha, self.beta, self.gamma = as_schedule(alpha), as_schedule(beta), as_schedule(gamma)
        self.log_weights = LOG_WEIGHTS[sampling]
        self.num_samples = num_samples

    def forward(self, model: LatentModel, x: Tensor, c: Tensor | None = None) -> Loss:
        trace = model.trace(x, c, num_samples=self.num_samples)
        terms = elbo_terms(trace)
        (latent,) = trace.latents
        assert isinstance(latent.q, Independent), "the check of the configuration asks for a diagonal posterior"
        # The samples of this process under the posteriors of all: (K, B / P, B, D).
        units = latent.q.base_dist
        posteriors = Normal(gather(units.loc), gather(units.scale), validate_args=False)
        log_q_units = posteriors.log_prob(latent.z.unsqueeze(2))
        log_weights = self.log_weights(len(posteriors.loc), self.num_images, latent.z)  # (B, B)
        log_weights = own_rows(len(x), log_weights)  # (B / P, B)
        log_qz, log_product = divergences.aggregate_log_density(log_q_units, log_weights)  # (K, B / P) each
        mutual_information = (latent.log_q - log_qz).mean()
        total_correlation = (log_qz - log_product).mean()
        dimension_wise = (log_product - latent.log_p).mean()
        alpha, beta, gamma = self.alpha(terms.rate), self.beta(terms.rate), self.gamma(terms.rate)
        value = (
            terms.distortion
            + terms.rate
            + (alpha - 1) * mutual_information
            + (beta - 1) * total_correlation
            + (gamma - 1) * dimension_wise
        )
        return terms.loss(
            value,
            mutual_information=mutual_information,
            total_correlation=total_correlation,
            dimension_wise_kl=dimension_wise,
            alpha=alpha,
            beta=beta,
            gamma=gamma,
        )

    def epoch_rule(self) -> EpochRule:
        return "last"
