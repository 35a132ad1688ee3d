"""What likelihoods do, whatever they say: a measurement for each declared attribute."""

import copy
from functools import cache

import torch
from torch import Tensor

from helpers import parts
from vae_lab.likelihoods.likelihood import Likelihood

LEVELS = (0.0, 128 / 255, 1.0)


@cache
def built(name: str) -> Likelihood:
    """A likelihood of `conf/` for images of a single value, in float64."""
    return parts.likelihood(name, (1, 1, 1)).double()


def of_one_value(name: str) -> Likelihood:
    """Such a likelihood that a measurement may change."""
    return copy.deepcopy(built(name))


def support(name: str) -> str:
    """Where the samples lie."""
    torch.manual_seed(0)
    likelihood = of_one_value(name)
    params = likelihood.params_at(torch.full((1, 1, 1), 0.4, dtype=torch.float64))
    x = likelihood(params).sample((2000,))
    if ((x == 0) | (x == 1)).all():
        return "binary"
    if torch.equal((x * 255).round() / 255, x):
        return "256_levels"
    return "unit_interval" if ((x >= 0) & (x <= 1)).all() else "real"


@torch.no_grad()
def needs_dequantizing(name: str) -> bool:
    """Whether what it learns can raise the density at a grey level far above that of its start.

    A probability is at most 1 whatever is learned. Persistent buffers are learned as well, without a gradient.
    """
    highest = gain = -float("inf")
    for level in LEVELS:
        pixel = torch.full((1, 1, 1), level, dtype=torch.float64)
        fresh = of_one_value(name)
        start = fresh(fresh.params_at(pixel)).log_prob(pixel).item()
        for size in (-100.0, 0.0, 100.0):
            likelihood = of_one_value(name)
            for value in likelihood.state_dict(keep_vars=True).values():
                value.fill_(size if value.requires_grad else 1e-6)
            reached = max(likelihood(params).log_prob(pixel).item() for params in candidates(likelihood, pixel))
            highest, gain = max(highest, reached), max(gain, reached - start)
    return highest > 1e-6 and gain > 1.0


def candidates(likelihood: Likelihood, pixel: Tensor) -> list[Tensor]:
    """What a decoder may give for a pixel that it knows: with the right mean, and any rest."""
    start = likelihood.params_at(pixel)
    found = [start]
    for given in (-1e3, -30.0, -3.0, 3.0, 30.0, 1e3):
        found += [torch.full_like(start, given), torch.cat([start[:1], torch.full_like(start[1:], given)])]
    return found


def is_set_by_mean(name: str) -> bool:
    """Whether nothing is learned beside one number for each pixel value, which moves its mean."""
    likelihood = of_one_value(name)
    params = torch.zeros(likelihood.param_shape, dtype=torch.float64)
    moved = [likelihood(params + given).mean.item() for given in (-1.0, 0.0, 1.0)]
    return not likelihood.state_dict() and params.numel() == 1 and moved[0] < moved[1] < moved[2]


def params_per_value(name: str) -> int:
    """How many numbers for each pixel value make images of the right shape."""
    likelihood = parts.likelihood(name, parts.IMAGE_SHAPE)
    channels, *size = parts.IMAGE_SHAPE
    for count in range(1, 1000):
        try:
            mean = likelihood(torch.zeros(count * channels, *size)).mean
        except (RuntimeError, ValueError):
            continue
        if mean.shape == parts.IMAGE_SHAPE:
            return count
    raise AssertionError(f"{name} takes no number of parameters")


MEASURES = {
    "support": support,
    "needs_dequantizing": needs_dequantizing,
    "is_set_by_mean": is_set_by_mean,
    "params_per_value": params_per_value,
}
