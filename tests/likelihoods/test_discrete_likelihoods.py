"""Likelihoods of 256 levels: each level has its own probability, and samples are levels."""

import pytest
import scipy.special
import scipy.stats
import torch

from helpers import parts
from helpers.tensors import DOUBLE, rand, randn, same
from vae_lab.likelihoods.discretized_logistic import DiscretizedLogistic, DiscretizedLogisticMixture
from vae_lab.likelihoods.likelihood import Likelihood
from vae_lab.likelihoods.scale import bounded_scale
from vae_lab.maths.densities import discretized_logistic

LEVELS = torch.arange(256, dtype=DOUBLE) / 255


@pytest.mark.parametrize("loc", [-3.0, 0.0, 0.3, 0.999, 2.0])
@pytest.mark.parametrize("scale", [1e-3, 0.05, 1.0, 30.0])
def test_discretized_logistic_is_the_difference_of_its_distribution_function(loc: float, scale: float) -> None:
    distribution = scipy.stats.logistic(loc, scale)
    log_p = discretized_logistic(LEVELS, torch.tensor(loc, dtype=DOUBLE), torch.tensor(scale, dtype=DOUBLE))
    same(log_p.exp().sum(), 1.0)
    lower, upper = distribution.cdf(LEVELS - 1 / 510), distribution.cdf(LEVELS + 1 / 510)
    lower[0], upper[-1] = 0, 1
    same(log_p.exp(), upper - lower, 1e-12)


def test_discretized_logistic_keeps_its_gradient_far_away() -> None:
    loc = torch.tensor(-50.0, requires_grad=True)
    log_p = discretized_logistic(torch.tensor(128 / 255), loc, torch.tensor(0.05))
    (gradient,) = torch.autograd.grad(log_p, loc)
    same(gradient, 1 / 0.05, 1e-5)  # that of an exponential tail


def test_mixture_of_one_is_the_single_law() -> None:
    single, mixture = DiscretizedLogistic((2, 4, 4)), DiscretizedLogisticMixture((2, 4, 4), num_components=1)
    params = randn(3, 4, 4, 4)
    logits = randn(3, 2, 4, 4, seed=1)
    x = (rand(3, 2, 4, 4) * 255).round() / 255
    one, other = single(params), mixture(torch.cat([logits, params], -3))
    same(other.log_prob(x), one.log_prob(x))
    same(other.mean, one.mean)


def test_mixture_is_the_weighted_sum() -> None:
    mixture = DiscretizedLogisticMixture((2, 1, 1), num_components=3)
    params = randn(18, 1, 1)
    logits, loc, raw = params.reshape(3, 3, 2)  # (M, C) each
    weights, scale = logits.softmax(0), bounded_scale(raw, 1e-3)
    for x in ([0.0, 1.0], [7 / 255, 100 / 255]):
        pixels = torch.tensor(x, dtype=DOUBLE)
        expected = (weights * discretized_logistic(pixels, loc, scale).exp()).sum(0).log().sum()
        same(mixture(params).log_prob(pixels.reshape(2, 1, 1)), expected.item())


def test_categorical_gives_each_level_its_own_probability() -> None:
    likelihood = parts.likelihood("categorical", (2, 1, 1))
    params = randn(4, 512, 1, 1)
    logits = params.reshape(4, 256, 2)
    levels = torch.tensor([[0, 255], [17, 3], [128, 127], [254, 1]])
    expected = logits.log_softmax(1).gather(1, levels.unsqueeze(1)).sum((1, 2))
    distribution = likelihood(params)
    same(distribution.log_prob(levels.reshape(4, 2, 1, 1).float() / 255), expected)
    same(distribution.mean.flatten(1), (logits.softmax(1) * LEVELS.unsqueeze(-1)).sum(1))


@pytest.mark.parametrize("name", ["discretized_logistic", "discretized_logistic_mixture", "categorical"])
def test_samples_are_levels(name: str) -> None:
    likelihood: Likelihood = parts.likelihood(name, parts.IMAGE_SHAPE)
    torch.manual_seed(0)
    samples = likelihood(torch.randn(6, *likelihood.param_shape)).sample((3,))
    assert samples.shape == (3, 6, *parts.IMAGE_SHAPE)
    assert torch.isin(samples, LEVELS.float()).all()
