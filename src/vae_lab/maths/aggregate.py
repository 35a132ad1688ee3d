"""The aggregate posterior of many images, met a few posteriors at a time."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.distributions import Distribution, Independent

# Log-densities of single units held at once: more no longer fit the processor's cache.
NUMBERS_AT_ONCE = 2**20


class Aggregate(NamedTuple):
    """Log-densities of samples, in nats."""

    joint: Tensor  # log q(z), of shape (M,)
    units: Tensor | None  # log q(z_d), of shape (M, D); None where posteriors are not taken by units


def aggregate_posterior(z: Tensor, posteriors: Sequence[Distribution], *, by_units: bool) -> Aggregate:
    """The law of the codes of all N images, at samples of it.

    log q(z) = log 1/N sum_n q(z | x_n),  log q(z_d) = log 1/N sum_n q(z_d | x_n)

    Args:
        z: samples, of shape (M, *latent).
        posteriors: laws of batch shape (P,) each, N posteriors in all.
        by_units: whether the units' own laws are wanted, which posteriors of independent normal units have.
    """
    num_images = sum(distribution.batch_shape[0] for distribution in posteriors)
    numbers = max(distribution.batch_shape[0] for distribution in posteriors) * distribution_size(posteriors[0])
    parts = [_sums(some, posteriors, by_units) for some in z.split(max(1, NUMBERS_AT_ONCE // numbers))]
    joint = torch.cat([part.joint for part in parts]) - math.log(num_images)
    units = [part.units for part in parts if part.units is not None]
    return Aggregate(joint, torch.cat(units) - math.log(num_images) if units else None)


def distribution_size(distribution: Distribution) -> int:
    """The numbers in one sample of a law."""
    return distribution.event_shape.numel()


def _sums(z: Tensor, posteriors: Sequence[Distribution], by_units: bool) -> Aggregate:
    """Both log-densities without their constant log N."""
    joint: Tensor | None = None
    units: Tensor | None = None
    for distribution in posteriors:
        if by_units:
            assert isinstance(distribution, Independent)
            log_q = distribution.base_dist.log_prob(z.unsqueeze(1))  # (M, P, D)
            more = log_q.logsumexp(1)  # (M, D)
            units = more if units is None else torch.logaddexp(units, more)
            densities = log_q.sum(-1).logsumexp(1)  # (M,)
        else:
            densities = distribution.log_prob(z.unsqueeze(1)).logsumexp(1)  # (M,)
        joint = densities if joint is None else torch.logaddexp(joint, densities)
    assert joint is not None, "at least one posterior"
    return Aggregate(joint, units)
