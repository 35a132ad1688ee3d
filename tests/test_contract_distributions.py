"""The contract of every likelihood, posterior and prior in `conf/` as a distribution: add a YAML, and it is tested."""

import math

import pytest
import torch

from helpers import parts
from vae_lab.configuration.choices import declaring
from vae_lab.configuration.declarations import declaration
from vae_lab.posteriors.posterior import Posterior
from vae_lab.priors.prior import Prior


@pytest.mark.slow
@pytest.mark.parametrize("name", parts.names("likelihood"))
@pytest.mark.parametrize("size", [0.0, 0.7, -2.0])
def test_likelihood_is_normalised(name: str, size: float) -> None:
    distribution_of = parts.likelihood(name, (1, 1, 1)).double()
    points, weights = parts.grid_of_support(distribution_of)
    distribution = distribution_of(torch.full(distribution_of.param_shape, size, dtype=torch.float64))
    total = (weights * distribution.log_prob(points.reshape(-1, 1, 1, 1)).exp()).sum()
    torch.testing.assert_close(total, torch.ones_like(total), rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", parts.names("likelihood"))
def test_likelihood_samples_from_its_density(name: str) -> None:
    torch.manual_seed(0)
    distribution_of = parts.likelihood(name, (1, 1, 1)).double()
    points, weights = parts.grid_of_support(distribution_of)
    distribution = distribution_of(torch.full(distribution_of.param_shape, 0.3, dtype=torch.float64))
    samples = distribution.sample((20_000,))
    points = points.reshape(-1, 1, 1, 1)
    parts.close(-distribution.log_prob(samples), parts.entropy_by_quadrature(distribution, points, weights))
    density = distribution.log_prob(points).exp()
    parts.close(samples.flatten(), (weights * density * points.flatten()).sum())
    parts.close(samples.flatten(), distribution.mean.flatten())


@pytest.mark.parametrize("name", parts.names("likelihood"))
def test_likelihood_starts_at_the_pixel_means(name: str) -> None:
    likelihood = parts.likelihood(name, parts.IMAGE_SHAPE)
    mean = torch.rand(parts.IMAGE_SHAPE, generator=torch.Generator().manual_seed(1)).clamp(0.05, 0.95)
    params = likelihood.params_at(mean)
    assert params.shape == likelihood.param_shape
    torch.testing.assert_close(likelihood(params).mean, mean, rtol=0, atol=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("name", parts.names("likelihood"))
@pytest.mark.parametrize("size", [-1e3, 1e3])
@pytest.mark.parametrize("pixel", [0.0, 1.0])
def test_likelihood_is_finite_at_extremes(name: str, size: float, pixel: float) -> None:
    likelihood = parts.likelihood(name, parts.IMAGE_SHAPE)
    params = torch.full((2, *likelihood.param_shape), size, requires_grad=True)
    log_px = likelihood(params).log_prob(torch.full((2, *parts.IMAGE_SHAPE), pixel))
    log_px.sum().backward()
    assert log_px.isfinite().all()
    for parameter in [params, *likelihood.parameters()]:
        assert parameter.grad is not None
        assert parameter.grad.isfinite().all()


@pytest.mark.parametrize("name", parts.names("posterior"))
@pytest.mark.parametrize("size", [-1e3, 1e3])
def test_posterior_is_finite_at_extremes(name: str, size: float) -> None:
    posterior = parts.posterior(name, 3)
    params = torch.full((2, *posterior.param_shape), size, requires_grad=True)
    q = posterior(params)
    z = q.rsample()
    log_q = q.log_prob(z)
    (log_q.sum() + z.sum()).backward()
    assert z.isfinite().all()
    assert log_q.isfinite().all() or not posterior.has_density
    for parameter in [params, *posterior.parameters()]:
        assert parameter.grad is not None
        assert parameter.grad.isfinite().all()


@pytest.mark.slow
@pytest.mark.parametrize("name", parts.of_real_vectors("prior"))
@pytest.mark.parametrize("size", [-1e3, 1e3])
def test_prior_is_finite_at_extremes(name: str, size: float) -> None:
    prior = parts.prior(name, 3)
    z = torch.full((2, 3), size, requires_grad=True)
    log_p = prior(parts.second_class() if prior.needs_labels else None).log_prob(z)
    log_p.sum().backward()
    assert log_p.isfinite().all()
    assert z.grad is not None
    for parameter in [z, *prior.parameters()]:
        if parameter.grad is not None:
            assert parameter.grad.isfinite().all()


LAWS_WITH_DENSITY = [f"posterior={name}" for name in declaring("posterior", "has_density", [True])]


@pytest.mark.slow
@torch.no_grad()
@pytest.mark.parametrize("choice", [*LAWS_WITH_DENSITY, *parts.choices("prior")])
def test_latent_law_integrates_to_one_and_samples_from_its_density(choice: str) -> None:
    torch.manual_seed(0)
    group, name = choice.split("=")
    latent_dim = 2 if declaration(parts.targets(group)[name], "space") == "sphere" else 1
    if group == "posterior":
        part: Posterior | Prior = parts.posterior(name, latent_dim).double()
        shape = part.param_shape  # type: ignore[union-attr]
        distribution = part(torch.linspace(0.4, 0.9, math.prod(shape), dtype=torch.float64).reshape(shape))
    else:
        part = parts.prior(name, latent_dim, torch.float64)
        distribution = part(parts.second_class() if part.needs_labels else None)
    points, weights = parts.grid_of_space(part.space, part.event_shape)
    density = parts.log_prob(distribution, points).exp()
    torch.testing.assert_close((weights * density).sum(), torch.ones((), dtype=torch.float64), rtol=0, atol=1e-6)
    samples = distribution.sample((20_000,))
    parts.close(-parts.log_prob(distribution, samples), parts.entropy_by_quadrature(distribution, points, weights))
    parts.close(samples.flatten(1), (weights * density) @ points.flatten(1))
