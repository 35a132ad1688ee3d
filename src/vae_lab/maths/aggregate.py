"""The aggregate posterior q(z) = 1/N sum_n q(z | x_n) of N images, computed in blocks that fit in memory."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.distributions import Distribution, Independent

# The most log-densities of single units in memory at a time: more than these do not fit in the processor's cache.
MAX_DENSITIES = 2**20


class Aggregate(NamedTuple):
    """Log-densities of M samples under the aggregate posterior, in nats.

    Attributes:
        joint: log q(z), of shape (M,).
        units: log q(z_d) of each unit, of shape (M, D); None if it was not asked for.
    """

    joint: Tensor
    units: Tensor | None


def aggregate_posterior(z: Tensor, posteriors: Sequence[Distribution], *, by_units: bool) -> Aggregate:
    """Compute the log-density of the aggregate posterior of N images at samples of z.

    log q(z) = log 1/N sum_n q(z | x_n),  log q(z_d) = log 1/N sum_n q(z_d | x_n)

    Args:
        z: samples, of shape (M, *latent).
        posteriors: distributions of batch shape (P,) each, with N posteriors in all; at least one.
        by_units: whether to compute the marginals q(z_d) too, which needs posteriors of independent normal units.
    """
    block_sizes = [q.batch_shape[0] for q in posteriors]
    num_images = sum(block_sizes)
    densities_per_sample = max(block_sizes) * posteriors[0].event_shape.numel()
    blocks = z.split(max(1, MAX_DENSITIES // densities_per_sample))
    parts = [_log_sums(block, posteriors, by_units) for block in blocks]
    joint = torch.cat([part.joint for part in parts]) - math.log(num_images)
    units = [part.units for part in parts if part.units is not None]
    return Aggregate(joint, torch.cat(units) - math.log(num_images) if units else None)


def _log_sums(z: Tensor, posteriors: Sequence[Distribution], by_units: bool) -> Aggregate:
    """Compute log sum_n q(z | x_n) and log sum_n q(z_d | x_n): the log-densities without the constant -log N."""
    joint: Tensor | None = None
    units: Tensor | None = None
    for q in posteriors:
        if by_units:
            assert isinstance(q, Independent)
            log_q = q.base_dist.log_prob(z.unsqueeze(1))  # (M, P, D)
            units_sum = log_q.logsumexp(1)  # (M, D)
            units = units_sum if units is None else torch.logaddexp(units, units_sum)
            joint_sum = log_q.sum(-1).logsumexp(1)  # (M,)
        else:
            joint_sum = q.log_prob(z.unsqueeze(1)).logsumexp(1)  # (M,)
        joint = joint_sum if joint is None else torch.logaddexp(joint, joint_sum)
    assert joint is not None, "at least one posterior"
    return Aggregate(joint, units)
