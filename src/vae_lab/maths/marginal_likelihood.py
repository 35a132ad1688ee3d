"""The marginal likelihood from samples of the posterior, where latent units are few: pure functions.

    1 / p(x) = E_{p(z|x)}[q(z) / p(x, z)]  for any density q whose support lies in that of the posterior

since the posterior is p(x, z) / p(x). With q fitted to other samples of the posterior the ratio hardly varies.
Gelfand & Dey 1994, https://doi.org/10.1111/j.2517-6161.1994.tb01996.x; Kingma & Welling 2014, appendix D,
https://arxiv.org/abs/1312.6114, who trust it below five latent units.

Shapes: L samples for each of B images, (L, B, D).
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor
from torch.distributions import MultivariateNormal

from vae_lab.maths import bounds, hmc
from vae_lab.maths.annealing import Path

# The way from the prior to the posterior: temperatures rise like a power of their number, so that each lets the weights
# vary about as much as the one before it. At its end step sizes settle.
NUM_ANNEALING = 25
POWER = 4
NUM_SETTLING = 5
# What the search for step sizes starts from, and how far each of its steps goes.
FIRST_STEP_SIZE = 1.0
GAIN = 1.0
# Of its step size, what a transition takes at least: with all steps alike a trajectory may end where it began.
LEAST_SHARE = 0.5


class PosteriorSamples(NamedTuple):
    """Two sets of samples from the same chains, far enough apart to count as fresh."""

    fitting: Tensor  # (L, B, D), for q
    estimating: Tensor  # (L, B, D), for the mean
    acceptance: Tensor  # (L, B), the mean probability with which transitions at the posterior were accepted


def num_transitions_in_all(num_transitions: int) -> int:
    """The transitions that `posterior_samples` makes."""
    return NUM_ANNEALING + NUM_SETTLING + 2 * num_transitions


@torch.no_grad()
def posterior_samples(
    path: Path,
    start: Tensor,
    *,
    num_leapfrog: int,
    num_transitions: int,
    tell: Callable[[], object],
) -> PosteriorSamples:
    """Samples of p(z | x) by Hamiltonian Monte Carlo, each from a chain of its own.

    The chains of an image come from the prior on a path p(z) p(x | z)^b, b = 0, ..., 1, and are resampled by
    p(x | z)^(b' - b) at each of its steps, so that none is left behind in a mode without mass: a sequential Monte Carlo
    sampler, Del Moral et al. 2006, https://doi.org/10.1111/j.1467-9868.2006.00553.x.

    The step size of an image, shared by its chains, is searched for on the way, to an acceptance of 90%, and then held;
    each transition takes a random share of it, for else its trajectory could be a whole period of the motion: Neal
    2011, section 3.2, https://arxiv.org/abs/1206.1901.

    Args:
        path: from the prior to the posterior, of positions of shape (L, B, D).
        start: samples of the prior, of shape (L, B, D).
        num_leapfrog: leapfrog steps of a transition.
        num_transitions: transitions at the posterior before the first set, and as many between it and the second.
        tell: called once for each transition.
    """
    position, acceptance = start, torch.zeros_like(start[..., 0])
    step_size = torch.full(start.shape[1:-1], FIRST_STEP_SIZE, dtype=start.dtype, device=start.device)  # (B,)
    temperature, sets = 0.0, []
    for number in range(1, num_transitions_in_all(num_transitions) + 1):
        before = temperature
        temperature = min(1.0, number / NUM_ANNEALING) ** POWER
        if temperature > before:
            position = systematic_resample(position, (temperature - before) * path.log_likelihood(position))
        share = LEAST_SHARE + (1 - LEAST_SHARE) * torch.rand_like(step_size)
        noise = hmc.draw_noise(position)
        moved = hmc.transition(path.at(temperature), position, share * step_size, num_leapfrog, noise)
        position = moved.position
        settled = number - NUM_ANNEALING - NUM_SETTLING
        if settled <= 0:
            step_size = hmc.adapted(step_size, moved.acceptance.mean(0), GAIN)
        else:
            acceptance = acceptance + moved.acceptance / (2 * num_transitions)
            if settled % num_transitions == 0:
                sets.append(position)
        tell()
    fitting, estimating = sets
    return PosteriorSamples(fitting, estimating, acceptance)


def systematic_resample(z: Tensor, log_w: Tensor) -> Tensor:
    """As many samples of each image as it has, each as often as its weight has it, but for a fraction of one.

    Systematic resampling: Kitagawa 1996, https://doi.org/10.1080/10618600.1996.10474692.

    Args:
        z: of shape (L, B, D).
        log_w: unnormalised log-weights, of shape (L, B).
    """
    shares = log_w.nan_to_num(-torch.inf).softmax(0).cumsum(0)  # (L, B)
    combs = (torch.arange(len(z), dtype=z.dtype, device=z.device)[:, None] + torch.rand_like(log_w[0])) / len(z)
    index = torch.searchsorted(shares.T.contiguous(), combs.T.contiguous()).clamp(max=len(z) - 1).T  # (L, B)
    return z.gather(0, index.unsqueeze(-1).expand_as(z))


def fitted_normal(z: Tensor) -> MultivariateNormal:
    """The normal law of each image with the mean and the covariance of its samples.

    Args:
        z: of shape (L, B, D), L > D.

    Returns:
        A law of batch shape (B,) over D units.
    """
    mean = z.mean(0)  # (B, D)
    away = z - mean
    covariance = torch.einsum("lbi,lbj->bij", away, away) / (len(z) - 1)
    return MultivariateNormal(mean, scale_tril=torch.linalg.cholesky(covariance), validate_args=False)


def from_posterior(log_joint: Tensor, log_q: Tensor) -> Tensor:
    """log p(x) from samples of the posterior.

    log p(x) ~ -log 1/L sum_l q(z_l) / p(x, z_l),  z_l ~ p(z | x)

    In expectation it lies above log p(x), by Jensen's inequality, as importance sampling lies below.

    Args:
        log_joint: log p(x, z) at the samples, of shape (L, B).
        log_q: log q(z) there, of shape (L, B), q being independent of them.

    Returns:
        Estimates in nats, of shape (B,).
    """
    return -bounds.importance_weighted(log_q - log_joint)
