"""The marginal likelihood from samples of the posterior, for models with few latent units: pure functions.

    1 / p(x) = E_{p(z|x)}[q(z) / p(x, z)]  for any density q whose support lies in that of the posterior

since the posterior is p(x, z) / p(x). If q is fitted to other samples of the posterior, the ratio has a low variance.
Gelfand & Dey 1994, https://doi.org/10.1111/j.2517-6161.1994.tb01996.x; Kingma & Welling 2014, appendix D,
https://arxiv.org/abs/1312.6114, who find it reliable for fewer than five latent units.

Shapes: L samples for each of B images, (L, B, D).
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor
from torch.distributions import MultivariateNormal

from vae_lab.maths import bounds, hmc
from vae_lab.maths.annealing import Path

# The temperatures from the prior to the posterior are (t / NUM_ANNEALING)^POWER: with a power, the weights vary about
# equally at each step. At the posterior, the step size adapts for NUM_SETTLING more transitions.
NUM_ANNEALING = 25
POWER = 4
NUM_SETTLING = 5
# The initial step size, and the gain of its adaptation.
FIRST_STEP_SIZE = 1.0
GAIN = 1.0
# A transition uses a random fraction of the step size, at least this one: with equal steps a trajectory may end where
# it began.
MIN_STEP_FRACTION = 0.5


class PosteriorSamples(NamedTuple):
    """Two sets of posterior samples from the same chains, far enough apart in time to be nearly independent.

    Attributes:
        fitting: samples to fit q to, of shape (L, B, D).
        estimating: samples to average over, of shape (L, B, D).
        acceptance: the mean acceptance probability of the transitions at the posterior, of shape (L, B).
    """

    fitting: Tensor
    estimating: Tensor
    acceptance: Tensor


def total_transitions(num_transitions: int) -> int:
    """Return how many transitions `posterior_samples` makes in all."""
    return NUM_ANNEALING + NUM_SETTLING + 2 * num_transitions


@torch.no_grad()
def posterior_samples(
    path: Path,
    start: Tensor,
    *,
    num_leapfrog: int,
    num_transitions: int,
    on_transition: Callable[[], object],
) -> PosteriorSamples:
    """Draw samples of p(z | x) by Hamiltonian Monte Carlo, each from a chain of its own.

    The chains of an image start at the prior and follow the path p(z) p(x | z)^b, b = 0, ..., 1. At each of its steps
    they are resampled with the weights p(x | z)^(b' - b), so that no chain stays in a mode without mass: a sequential
    Monte Carlo sampler, Del Moral et al. 2006, https://doi.org/10.1111/j.1467-9868.2006.00553.x.

    The step size of an image, shared by its chains, is adapted along the path to an acceptance of 90%, and then held
    fixed. Each transition uses a random fraction of it, because a trajectory could otherwise be a whole period of the
    motion: Neal 2011, section 3.2, https://arxiv.org/abs/1206.1901.

    Args:
        path: from the prior to the posterior, of positions of shape (L, B, D).
        start: samples of the prior, of shape (L, B, D).
        num_leapfrog: leapfrog steps of a transition.
        num_transitions: transitions at the posterior before the first set of samples, and again before the second.
        on_transition: called after each transition.
    """
    position, acceptance = start, torch.zeros_like(start[..., 0])
    step_size = torch.full(start.shape[1:-1], FIRST_STEP_SIZE, dtype=start.dtype, device=start.device)  # (B,)
    temperature, sets = 0.0, []
    for number in range(1, total_transitions(num_transitions) + 1):
        before = temperature
        temperature = min(1.0, number / NUM_ANNEALING) ** POWER
        if temperature > before:
            position = systematic_resample(position, (temperature - before) * path.log_likelihood(position))
        fraction = MIN_STEP_FRACTION + (1 - MIN_STEP_FRACTION) * torch.rand_like(step_size)
        noise = hmc.draw_noise(position)
        moved = hmc.transition(path.at(temperature), position, fraction * step_size, num_leapfrog, noise)
        position = moved.position
        num_settled = number - NUM_ANNEALING - NUM_SETTLING  # transitions with the final step size
        if num_settled <= 0:
            step_size = hmc.adapt_step_size(step_size, moved.acceptance.mean(0), GAIN)
        else:
            acceptance = acceptance + moved.acceptance / (2 * num_transitions)
            if num_settled % num_transitions == 0:
                sets.append(position)
        on_transition()
    fitting, estimating = sets
    return PosteriorSamples(fitting, estimating, acceptance)


def systematic_resample(z: Tensor, log_w: Tensor) -> Tensor:
    """Resample the L samples of each image by systematic resampling.

    A sample of normalised weight u is copied floor(L u) or ceil(L u) times. Kitagawa 1996,
    https://doi.org/10.1080/10618600.1996.10474692.

    Args:
        z: of shape (L, B, D).
        log_w: unnormalised log-weights, of shape (L, B).

    Returns:
        The resampled z, of shape (L, B, D).
    """
    cumulative = log_w.nan_to_num(-torch.inf).softmax(0).cumsum(0)  # (L, B)
    points = (torch.arange(len(z), dtype=z.dtype, device=z.device)[:, None] + torch.rand_like(log_w[0])) / len(z)
    index = torch.searchsorted(cumulative.T.contiguous(), points.T.contiguous()).clamp(max=len(z) - 1).T  # (L, B)
    return z.gather(0, index.unsqueeze(-1).expand_as(z))


def fit_normal(z: Tensor) -> MultivariateNormal:
    """Fit a normal distribution to the samples of each image, by their mean and covariance.

    Args:
        z: of shape (L, B, D), L > D.

    Returns:
        A distribution of batch shape (B,) over D units.
    """
    mean = z.mean(0)  # (B, D)
    centred = z - mean
    covariance = torch.einsum("lbi,lbj->bij", centred, centred) / (len(z) - 1)
    return MultivariateNormal(mean, scale_tril=torch.linalg.cholesky(covariance), validate_args=False)


def from_posterior(log_joint: Tensor, log_q: Tensor) -> Tensor:
    """Estimate log p(x) from samples of the posterior.

    log p(x) ~ -log 1/L sum_l q(z_l) / p(x, z_l),  z_l ~ p(z | x)

    By Jensen's inequality it lies above log p(x) in expectation, whereas importance sampling lies below.

    Args:
        log_joint: log p(x, z) at the samples, of shape (L, B).
        log_q: log q(z) at the same samples, of shape (L, B); q must not depend on them.

    Returns:
        Estimates in nats, of shape (B,).
    """
    return -bounds.importance_weighted(log_q - log_joint)
