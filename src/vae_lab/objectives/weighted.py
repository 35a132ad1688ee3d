"""The ELBO with another price on its rate."""

from torch import Tensor, nn

from vae_lab.configuration.options import NonNegativeFloat, PositiveInt
from vae_lab.maths import kl
from vae_lab.models.latent_model import Latent, LatentModel
from vae_lab.objectives.objective import Loss, Objective
from vae_lab.objectives.schedules import Schedule, schedule
from vae_lab.objectives.terms import terms_of


class Beta(Objective):
    """The beta-VAE, and every warm-up of the rate.

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

    def __init__(self, beta: NonNegativeFloat | Schedule, num_samples: PositiveInt = 1) -> None:
        super().__init__()
        self.beta = schedule(beta)
        self.num_samples = num_samples

    def forward(self, model: LatentModel, x: Tensor, c: Tensor | None = None) -> Loss:
        terms = terms_of(model.trace(x, c, num_samples=self.num_samples))
        beta = self.beta(terms.rate)
        return terms.loss(terms.distortion + beta * terms.rate, beta=beta)


class Capacity(Objective):
    """A rate that is held at a capacity, which rises.

    loss = distortion + gamma |rate - C|

    The rate is that of the batch. Burgess et al. 2018, equation 8, https://arxiv.org/abs/1804.03599: gamma = 1000, and
    C from 0 to 25 nats within 100,000 batches.

    Args:
        gamma: the price of each nat away from the capacity.
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

    def __init__(
        self,
        gamma: NonNegativeFloat | Schedule,
        capacity: NonNegativeFloat | Schedule,
        num_samples: PositiveInt = 1,
    ) -> None:
        super().__init__()
        self.gamma = schedule(gamma)
        self.capacity = schedule(capacity)
        self.num_samples = num_samples

    def forward(self, model: LatentModel, x: Tensor, c: Tensor | None = None) -> Loss:
        terms = terms_of(model.trace(x, c, num_samples=self.num_samples))
        gamma, capacity = self.gamma(terms.rate), self.capacity(terms.rate)
        value = terms.distortion + gamma * (terms.rate - capacity).abs()
        return terms.loss(value, gamma=gamma, capacity=capacity)


class FreeBits(Objective):
    """A rate of which each group of latent units has some nats for free.

    loss = distortion + sum_j max(lambda, E_batch[KL_j])

    Below lambda a group's rate has no gradient. At lambda = 0 it is the negative ELBO. In a model with several
    stochastic layers the groups of all layers count. The batch is that of one device. Kingma et al. 2016,
    equation 15, https://arxiv.org/abs/1606.04934.

    Args:
        free_nats: lambda, in nats for each group.
        group_size: neighbouring latent units of a group; the last group has those that are left.
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

    def __init__(
        self,
        free_nats: NonNegativeFloat | Schedule,
        group_size: PositiveInt = 1,
        num_samples: PositiveInt = 1,
    ) -> None:
        super().__init__()
        self.free_nats = schedule(free_nats)
        self.group_size = group_size
        self.num_samples = num_samples

    def forward(self, model: LatentModel, x: Tensor, c: Tensor | None = None) -> Loss:
        trace = model.trace(x, c, num_samples=self.num_samples)
        terms = terms_of(trace)
        free_nats = self.free_nats(terms.rate)
        charged = sum((self._charged(latent, free_nats) for latent in trace.latents), terms.rate.new_zeros(()))
        return terms.loss(terms.distortion + charged, charged_rate=charged, free_nats=free_nats)

    def _charged(self, latent: Latent, free_nats: Tensor) -> Tensor:
        """What a layer's rate counts, of shape ()."""
        each = kl.per_dimension(latent.q, latent.p)  # (B, D) or (K, B, D)
        mean = each.flatten(0, -2).mean(0)  # (D,)
        # A last group that is not full is filled with units of no rate.
        padded = nn.functional.pad(mean, (0, -mean.shape[0] % self.group_size))
        groups = padded.unflatten(0, (-1, self.group_size)).sum(-1)  # (G,)
        return groups.clamp(min=free_nats).sum()
