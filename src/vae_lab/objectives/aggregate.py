"""Objectives with a distance between samples of the aggregate posterior q(z) and samples of the prior."""

from typing import Literal

import torch
from torch import Tensor
from torch.distributions import Distribution
from torch.nn.functional import normalize

from vae_lab.configuration.options import NonNegativeFloat, PositiveFloat, Size
from vae_lab.maths import divergences
from vae_lab.maths.processes import gather
from vae_lab.models.latent_model import LatentModel
from vae_lab.objectives.objective import EpochRule, Loss, Objective
from vae_lab.objectives.schedules import Schedule, as_schedule
from vae_lab.objectives.terms import elbo_terms

KernelName = Literal["rbf", "inverse_multiquadric"]
KERNELS: dict[str, divergences.Kernel] = {
    "rbf": divergences.rbf,
    "inverse_multiquadric": divergences.inverse_multiquadric,
}


@torch.no_grad()
def prior_samples(p: Distribution, num: int) -> Tensor:
    """Draw `num` samples of the prior, of shape (num, D); a prior with conditions gives one for each condition."""
    shape = torch.Size() if p.batch_shape else torch.Size((num,))
    return p.rsample(shape) if p.has_rsample else p.sample(shape)


def mmd(z: Tensor, p: Distribution, kernel: divergences.Kernel, scale: float) -> Tensor:
    """Estimate MMD^2 between the codes of all processes, (B / P, D) of this one, and the prior; bandwidth 2 D scale^2.

    That bandwidth is the mean squared distance of two vectors from N(0, scale^2 I): Tolstikhin et al. 2018, section 4,
    https://arxiv.org/abs/1711.01558.
    """
    codes, drawn = gather(z), gather(prior_samples(p, len(z)))  # (B, D) each
    return divergences.mmd(codes, drawn, kernel, 2 * z.shape[-1] * scale**2)


class InfoVAE(Objective):
    """InfoVAE: the negative ELBO with a lower weight on the rate, and the MMD of the aggregate posterior.

    loss = distortion + (1 - alpha) rate + (alpha + lambda - 1) MMD^2(q(z), p(z))

    At alpha = 0, lambda = 1 it is the negative ELBO. Zhao et al. 2019, equation 6, https://arxiv.org/abs/1706.02262.

    Args:
        alpha: the weight of the rate is 1 - alpha.
        mmd_weight: lambda.
        kernel: the kernel of the MMD, `rbf` or `inverse_multiquadric`.
        scale: sigma, the standard deviation of the prior's units: the bandwidth is 2 D sigma^2.

    Raises:
        ValueError: if alpha + lambda < 1, which would drive q(z) away from the prior.
    """

    posterior_density = "required"
    sample_density = "where_needed"
    fits_prior = True
    fits_likelihood = True
    needs_batch = True
    needs_diagonal = False
    needs_fixed_prior = True
    needs_real_codes = False
    compares_epochs = False
    needs_one_layer = True

    def __init__(
        self, alpha: float, mmd_weight: NonNegativeFloat, kernel: KernelName = "rbf", scale: PositiveFloat = 1.0
    ) -> None:
        super().__init__()
        if alpha + mmd_weight < 1:
            raise ValueError(
                f"alpha={alpha} and mmd_weight={mmd_weight}: their sum must be at least 1; raise one of them"
            )
        self.alpha, self.mmd_weight = alpha, mmd_weight
        self.kernel, self.scale = KERNELS[kernel], scale

    def forward(self, model: LatentModel, x: Tensor, c: Tensor | None = None) -> Loss:
        trace = model.trace(x, c)
        terms = elbo_terms(trace)
        (latent,) = trace.latents
        divergence = mmd(latent.z[0], latent.p, self.kernel, self.scale)
        rate_weight, weight = 1 - self.alpha, self.alpha + self.mmd_weight - 1
        value = terms.distortion + rate_weight * terms.rate + weight * divergence
        return terms.loss(value, mmd=divergence)

    def epoch_rule(self) -> EpochRule:
        return "last"


class WassersteinMMD(Objective):
    """The Wasserstein autoencoder with an MMD penalty (WAE-MMD).

    loss = distortion + lambda MMD^2(q(z), p(z))

    The paper's cost |x - G(z)|^2 is twice the distortion of `likelihood=gaussian`, up to a constant. The posterior
    may be a deterministic code. Tolstikhin et al. 2018, algorithm 2, https://arxiv.org/abs/1711.01558.

    Args:
        mmd_weight: lambda.
        kernel: the kernel of the MMD, `rbf` or `inverse_multiquadric`.
        scale: sigma, the standard deviation of the prior's units: the bandwidth is 2 D sigma^2.
    """

    posterior_density = "any"
    sample_density = "where_needed"
    fits_prior = True
    fits_likelihood = True
    needs_batch = True
    needs_diagonal = False
    needs_fixed_prior = True
    needs_real_codes = False
    compares_epochs = False
    needs_one_layer = True

    def __init__(
        self,
        mmd_weight: NonNegativeFloat | Schedule,
        kernel: KernelName = "inverse_multiquadric",
        scale: PositiveFloat = 1.0,
    ) -> None:
        super().__init__()
        self.mmd_weight = as_schedule(mmd_weight)
        self.kernel, self.scale = KERNELS[kernel], scale

    def forward(self, model: LatentModel, x: Tensor, c: Tensor | None = None) -> Loss:
        trace = model.trace(x, c)
        (latent,) = trace.latents
        distortion = -trace.log_px.mean()
        divergence = mmd(latent.z[0], latent.p, self.kernel, self.scale)
        weight = self.mmd_weight(distortion)
        terms = {"distortion": distortion, "mmd": divergence, "mmd_weight": weight}
        return Loss(distortion + weight * divergence, {name: term.detach() for name, term in terms.items()})

    def epoch_rule(self) -> EpochRule:
        return "last"


class SlicedWasserstein(Objective):
    """The sliced Wasserstein autoencoder (SWAE).

    loss = distortion + lambda SW^2(q(z), p(z))

    Each batch has the codes of all processes, and new random directions, in each process others. The posterior may be a
    deterministic code. Kolouri et al. 2019, algorithm 1, https://arxiv.org/abs/1804.01947.

    Args:
        distance_weight: lambda.
        num_projections: the number of directions that the codes are projected on.
    """

    posterior_density = "any"
    sample_density = "where_needed"
    fits_prior = True
    fits_likelihood = True
    needs_batch = True
    needs_diagonal = False
    needs_fixed_prior = True
    needs_real_codes = False
    compares_epochs = False
    needs_one_layer = True

    def __init__(self, distance_weight: NonNegativeFloat | Schedule, num_projections: Size = 50) -> None:
        super().__init__()
        self.distance_weight = as_schedule(distance_weight)
        self.num_projections = num_projections

    def forward(self, model: LatentModel, x: Tensor, c: Tensor | None = None) -> Loss:
        trace = model.trace(x, c)
        (latent,) = trace.latents
        z = latent.z[0]  # (B, D)
        distortion = -trace.log_px.mean()
        directions = torch.randn(self.num_projections, z.shape[-1], dtype=z.dtype, device=z.device)
        codes, drawn = gather(z), gather(prior_samples(latent.p, len(z)))  # of all processes
        distance = divergences.sliced_wasserstein(codes, drawn, normalize(directions, dim=-1))
        weight = self.distance_weight(distortion)
        terms = {"distortion": distortion, "sliced_wasserstein": distance, "distance_weight": weight}
        return Loss(distortion + weight * distance, {name: term.detach() for name, term in terms.items()})

    def epoch_rule(self) -> EpochRule:
        return "last"
