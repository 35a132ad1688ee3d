"""Objectives that weight the rate of the ELBO: beta-VAE, capacity and free bits."""

from torch import Tensor, nn

from vae_lab.configuration.options import NonNegativeFloat, PositiveInt, Size
from vae_lab.maths.processes import mean_over_processes
from vae_lab.models.latent_model import Latent, LatentModel
from vae_lab.objectives.objective import EpochRule, Loss, Objective
from vae_lab.objectives.schedules import Constant, Schedule, as_schedule
from vae_lab.objectives.terms import elbo_terms


class Beta(Objective):
    """Beta-VAE: the negative ELBO with a weight on the rate; with a schedule, the warm-up of the rate.

    loss = distortion + beta rate

    At beta = 1 it is the negative ELBO. Higgins et al. 2017, equation 4, https://openreview.net/forum?id=Sy2fzU9gl.

    Args:
        beta: the weight of the rate.
        num_samples: latent samples for each image.
    """

    posterior_density = "required"
    sample_density = "where_needed"
    fits_prior = True
    fits_likelihood = True
    needs_batch = False
    needs_diagonal = False
    needs_fixed_prior = False
    needs_real_codes = False

    def __init__(self, beta: NonNegativeFloat | Schedule, num_samples: Size = 1) -> None:
        super().__init__()
        self.beta = as_schedule(beta)
        self.num_samples = num_samples

    def forward(self, model: LatentModel, x: Tensor, c: Tensor | None = None) -> Loss:
        terms = elbo_terms(model.trace(x, c, num_samples=self.num_samples))
        beta = self.beta(terms.rate)
        return terms.loss(terms.distortion + beta * terms.rate, beta=beta)

    def epoch_rule(self) -> EpochRule:
        if self.beta.final == 1:
            return "elbo"
        return "objective" if isinstance(self.beta, Constant) else "last"


class Capacity(Objective):
    """A penalty on the distance of the rate from a capacity C, which usually rises during training.

    loss = distortion + gamma |rate - C|

    The rate is the mean over the batch of all processes. Burgess et al. 2018, equation 8,
    https://arxiv.org/abs/1804.03599, with gamma = 1000 and C from 0 to 25 nats within 100,000 batches.

    Args:
        gamma: the weight of each nat between rate and capacity.
        capacity: C, in nats per image.
        num_samples: latent samples for each image.
    """

    posterior_density = "required"
    sample_density = "where_needed"
    fits_prior = True
    fits_likelihood = True
    needs_batch = False
    needs_diagonal = False
    needs_fixed_prior = False
    needs_real_codes = False
    compares_epochs = False

    def __init__(
        self,
        gamma: NonNegativeFloat | Schedule,
        capacity: NonNegativeFloat | Schedule,
        num_samples: Size = 1,
    ) -> None:
        super().__init__()
        self.gamma = as_schedule(gamma)
        self.capacity = as_schedule(capacity)
        self.num_samples = num_samples

    def forward(self, model: LatentModel, x: Tensor, c: Tensor | None = None) -> Loss:
        terms = elbo_terms(model.trace(x, c, num_samples=self.num_samples))
        gamma, capacity = self.gamma(terms.rate), self.capacity(terms.rate)
        value = terms.distortion + gamma * (mean_over_processes(terms.rate) - capacity).abs()
        return terms.loss(value, gamma=gamma, capacity=capacity)

    def epoch_rule(self) -> EpochRule:
        return "last"


class FreeBits(Objective):
    """Free bits: the negative ELBO, in which the KL of each group of latent units counts at least lambda nats.

    loss = distortion + sum_j max(lambda, E_batch[KL_j])

    Below lambda a group's KL has no gradient. At lambda = 0 it is the negative ELBO. In a model with several stochastic
    layers the sum includes the groups of all layers whose KL is exact given the others. A layer without one, such as
    the lower one of `two_layer`, is charged what it costs, E[log q - log p], which may be below 0. The mean is over the
    batch of all processes. Kingma et al. 2016, equation 15, https://arxiv.org/abs/1606.04934.

    Args:
        free_nats: lambda, in nats for each group.
        group_size: the number of neighbouring latent units in a group; the last group may be smaller.
        num_samples: latent samples for each image.
    """

    posterior_density = "required"
    sample_density = "where_needed"
    fits_prior = True
    fits_likelihood = True
    needs_batch = False
    needs_diagonal = True
    needs_fixed_prior = False
    needs_real_codes = False
    compares_epochs = False

    def __init__(
        self,
        free_nats: NonNegativeFloat | Schedule,
        group_size: PositiveInt = 1,
        num_samples: Size = 1,
    ) -> None:
        super().__init__()
        self.free_nats = as_schedule(free_nats)
        self.group_size = group_size
        self.num_samples = num_samples

    def forward(self, model: LatentModel, x: Tensor, c: Tensor | None = None) -> Loss:
        trace = model.trace(x, c, num_samples=self.num_samples)
        terms = elbo_terms(trace)
        free_nats = self.free_nats(terms.rate)
        charged = sum((self._charged_rate(latent, free_nats) for latent in trace.latents), terms.rate.new_zeros(()))
        return terms.loss(terms.distortion + charged, charged_rate=charged, free_nats=free_nats)

    def epoch_rule(self) -> EpochRule:
        return "last"

    def _charged_rate(self, latent: Latent, free_nats: Tensor) -> Tensor:
        """Return sum_j max(lambda, E_batch[KL_j]) of one layer, or what it costs where it has no exact KL; shape ()."""
        unit_kl = latent.kl_of_units()  # (B, D) or (K, B, D)
        if unit_kl is None:
            return latent.kl.mean()
        mean = mean_over_processes(unit_kl.flatten(0, -2).mean(0))  # (D,)
        # A last group that is not full is padded with units whose KL is zero.
        padded = nn.functional.pad(mean, (0, -mean.shape[0] % self.group_size))
        groups = padded.unflatten(0, (-1, self.group_size)).sum(-1)  # (G,)
        return groups.clamp(min=free_nats).sum()
