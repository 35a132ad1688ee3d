"""Likelihoods against closed forms."""

import math

import pytest
import torch

from vae_lab.likelihoods.bernoulli import Bernoulli
from vae_lab.likelihoods.gaussian import Gaussian, GaussianPixel, GaussianShared
from vae_lab.likelihoods.likelihood import Likelihood

MNIST_SHAPE = (1, 28, 28)


def test_unit_gaussian_has_its_constant() -> None:
    x = torch.rand(2, *MNIST_SHAPE, dtype=torch.float64)
    distribution = Gaussian(MNIST_SHAPE).double()(x)
    torch.testing.assert_close(
        -distribution.log_prob(x), torch.full((2,), 720.44781, dtype=torch.float64), rtol=0, atol=5e-6
    )


def test_gaussian_in_value_and_gradient() -> None:
    """log p = -||x - m||^2 / (2 s^2) - D/2 log(2 pi s^2); d/dm = (x - m) / s^2."""
    x, mean = torch.rand(2, *MNIST_SHAPE, dtype=torch.float64), torch.rand(2, *MNIST_SHAPE, dtype=torch.float64)
    mean.requires_grad_()
    log_px = Gaussian(MNIST_SHAPE, scale=0.5).double()(mean).log_prob(x)
    squares = (x - mean).square().sum((-3, -2, -1))
    torch.testing.assert_close(log_px, -squares / 0.5 - 392 * math.log(2 * math.pi * 0.25))
    log_px.sum().backward()
    torch.testing.assert_close(mean.grad, (x - mean.detach()) / 0.25)


def test_squared_error_of_a_sigmoid_is_a_quarter_of_that_of_a_tanh() -> None:
    """A tanh output on pixels in [-1, 1], as autoencoders have it, and its constant D/2 log pi in nats."""
    x, raw = torch.rand(2, *MNIST_SHAPE, dtype=torch.float64), torch.randn(2, *MNIST_SHAPE, dtype=torch.float64)
    likelihood = Gaussian(MNIST_SHAPE, scale=math.sqrt(0.5), mean_range="unit_interval").double()
    squares = (2 * x - 1 - raw.tanh()).square().sum((-3, -2, -1))
    torch.testing.assert_close(
        -likelihood(2 * raw).log_prob(x), squares / 4 + 392 * math.log(math.pi), rtol=1e-6, atol=0
    )


@pytest.mark.parametrize("distribution", [Gaussian, GaussianShared, GaussianPixel])
def test_means_lie_in_the_pixel_range_and_start_where_they_should(distribution: type[Likelihood]) -> None:
    likelihood = distribution(MNIST_SHAPE, mean_range="unit_interval")  # type: ignore[call-arg]
    mean = torch.linspace(0.01, 0.99, 784).reshape(MNIST_SHAPE)
    torch.testing.assert_close(likelihood(likelihood.params_at(mean)).mean, mean)
    assert likelihood(torch.full(likelihood.param_shape, 50.0)).mean.max() <= 1


def test_shared_scale_learns_the_error_of_the_mean() -> None:
    """s d/ds = ||x - m||^2 / s^2 - D, which is zero where s^2 is the mean squared error."""
    x, mean = torch.rand(1, *MNIST_SHAPE, dtype=torch.float64), torch.rand(1, *MNIST_SHAPE, dtype=torch.float64)
    mse = (x - mean).square().mean().item()
    for scale in (0.2, math.sqrt(mse)):
        likelihood = GaussianShared(MNIST_SHAPE, initial_scale=scale).double()
        likelihood(mean).log_prob(x).sum().backward()
        slope = 1 - math.exp(-(scale - likelihood.min_scale))  # ds / d raw
        expected = torch.tensor(784 * (mse / scale**2 - 1) * slope / scale, dtype=torch.float64)
        torch.testing.assert_close(likelihood.raw_scale.grad, expected, rtol=1e-5, atol=1e-3)


def test_bernoulli_in_value_and_gradient() -> None:
    """log p = sum x log p + (1 - x) log(1 - p); d/dlogit = x - p."""
    x = torch.rand(2, *MNIST_SHAPE, dtype=torch.float64).round()
    logits = torch.randn(2, *MNIST_SHAPE, dtype=torch.float64, requires_grad=True)
    log_px = Bernoulli(MNIST_SHAPE)(logits).log_prob(x)
    p = logits.sigmoid()
    torch.testing.assert_close(log_px, (x * p.log() + (1 - x) * (1 - p).log()).sum((-3, -2, -1)))
    log_px.sum().backward()
    torch.testing.assert_close(logits.grad, (x - p).detach())


def test_expected_bernoulli_is_the_cross_entropy_of_the_grey_image() -> None:
    """The log-likelihood is linear in x: its mean over binarisations of a grey image is the grey cross-entropy."""
    grey, logits = torch.tensor([0.3, 0.8], dtype=torch.float64), torch.tensor([-1.0, 0.5], dtype=torch.float64)
    distribution = Bernoulli((1, 1, 2))(logits.reshape(1, 1, 2))
    binary = torch.cartesian_prod(*[torch.tensor([0.0, 1.0], dtype=torch.float64)] * 2)  # (4, 2)
    weights = torch.where(binary.bool(), grey, 1 - grey).prod(-1)
    expected = (weights * distribution.log_prob(binary.reshape(4, 1, 1, 2))).sum()
    p = logits.sigmoid()
    torch.testing.assert_close(expected, (grey * p.log() + (1 - grey) * (1 - p).log()).sum())
