"""The power spherical law, its uniform prior, and the special functions under them."""

import math

import pytest
import torch
from torch import Tensor
from torch.distributions import Beta

from helpers import parts
from vae_lab.distributions.special import digamma_difference, log_gamma_ratio
from vae_lab.distributions.sphere import PowerSpherical, UniformSphere
from vae_lab.maths import kl
from vae_lab.posteriors.spherical import direction


def double(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def power_spherical(dim: int, concentration: float) -> PowerSpherical:
    """A law around a direction that is none of the axes."""
    loc = direction(torch.linspace(-1, 0.7, dim, dtype=torch.float64))
    return PowerSpherical(loc, torch.tensor(concentration, dtype=torch.float64))


def divergence(q: PowerSpherical) -> Tensor:
    exact = kl.closed_form(q, UniformSphere(torch.zeros_like(q.loc)))
    assert exact is not None
    return exact


@pytest.mark.parametrize("a", [0.5, 1.0, 3.7, 60.0, 1e4])
@pytest.mark.parametrize("b", [0.5, 1.0, 9.5, 400.0])
def test_gamma_differences_and_their_gradients(a: float, b: float) -> None:
    x = double(a).requires_grad_()
    torch.testing.assert_close(log_gamma_ratio(x, b), torch.lgamma(x + b) - torch.lgamma(x), rtol=1e-11, atol=1e-10)
    difference = torch.digamma(x + b) - torch.digamma(x)
    torch.testing.assert_close(digamma_difference(x, b), difference, rtol=1e-10, atol=1e-13)
    (gradient,) = torch.autograd.grad(log_gamma_ratio(x, b).sum(), x)
    torch.testing.assert_close(gradient, difference, rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("a", [1e2, 1e4, 1e6])
def test_gamma_differences_keep_float32_where_lgamma_does_not(a: float) -> None:
    narrow, wide = torch.tensor(a), double(a)
    exact = log_gamma_ratio(wide, 9.5).float().squeeze()
    torch.testing.assert_close(log_gamma_ratio(narrow, 9.5), exact, rtol=1e-6, atol=0)
    exact = digamma_difference(wide, 9.5).float().squeeze()
    torch.testing.assert_close(digamma_difference(narrow, 9.5), exact, rtol=1e-6, atol=0)


@pytest.mark.parametrize("concentration", [0.0, 0.3, 2.0, 50.0, 1000.0])
def test_power_spherical_is_normalised_on_the_circle(concentration: float) -> None:
    points, weights = parts.grid_of_space("sphere", (2,))
    total = (weights * power_spherical(2, concentration).log_prob(points).exp()).sum()
    torch.testing.assert_close(total.item(), 1.0, rtol=0, atol=1e-8)


@pytest.mark.parametrize("concentration", [0.0, 0.3, 2.0, 50.0, 1000.0])
def test_power_spherical_is_normalised_on_the_sphere(concentration: float) -> None:
    distribution = power_spherical(3, concentration)
    edges = torch.linspace(0, math.pi, 200_001, dtype=torch.float64)
    polar, width = (edges[1:] + edges[:-1]) / 2, edges[1:] - edges[:-1]
    across = direction(torch.linalg.cross(distribution.loc, double(1.0, 0.0, 0.0)))
    points = polar.cos().unsqueeze(-1) * distribution.loc + polar.sin().unsqueeze(-1) * across
    circumference = 2 * math.pi * polar.sin()
    total = (width * circumference * distribution.log_prob(points).exp()).sum()
    torch.testing.assert_close(total.item(), 1.0, rtol=0, atol=1e-8)


@pytest.mark.parametrize("dim", [2, 3, 10])
@pytest.mark.parametrize("concentration", [0.0, 1.5, 40.0])
def test_power_spherical_samples(dim: int, concentration: float) -> None:
    """Unit vectors around the mean direction, with E[z] and the divergence from uniform in closed form."""
    torch.manual_seed(0)
    distribution = power_spherical(dim, concentration)
    z = distribution.sample((50_000,))
    torch.testing.assert_close(z.norm(dim=-1), torch.ones(50_000, dtype=torch.float64))
    parts.close(z @ distribution.loc, concentration / (concentration + dim - 1))
    parts.close(z, distribution.mean)
    uniform = UniformSphere(torch.zeros(dim, dtype=torch.float64))
    parts.close(distribution.log_prob(z) - uniform.log_prob(z), divergence(distribution))
    parts.close(-distribution.log_prob(z), distribution.entropy())


@pytest.mark.parametrize("dim", [2, 3, 20])
def test_power_spherical_without_concentration_is_uniform(dim: int) -> None:
    distribution = power_spherical(dim, 0.0)
    assert abs(divergence(distribution).item()) < 1e-12
    uniform = UniformSphere(torch.zeros(dim, dtype=torch.float64))
    z = uniform.sample((100,))
    torch.testing.assert_close(distribution.log_prob(z), uniform.log_prob(z), rtol=0, atol=1e-12)


def test_power_spherical_gradients() -> None:
    """Of log-density and divergence, by finite differences."""
    loc, concentration = power_spherical(4, 3.0).loc.requires_grad_(), double(3.0).squeeze().requires_grad_()
    z = power_spherical(4, 1.0).sample()
    assert torch.autograd.gradcheck(lambda m, k: PowerSpherical(m, k).log_prob(z), (loc, concentration))
    assert torch.autograd.gradcheck(lambda k: divergence(PowerSpherical(loc.detach(), k)), (concentration,))


@pytest.mark.parametrize("dim", [2, 4])
def test_power_spherical_gradient_by_its_concentration(dim: int) -> None:
    """Of the first and second moments along a vector a, whose exact values follow from those of a beta law."""
    distribution = power_spherical(dim, 3.0)
    a = torch.linspace(1, -0.3, dim, dtype=torch.float64)
    k = distribution.concentration.clone().requires_grad_()
    cosine = Beta((dim - 1) / 2 + k, double((dim - 1) / 2).squeeze())  # of (1 + t) / 2, t = m^T z
    t, t_squared = 2 * cosine.mean - 1, 4 * cosine.variance + (2 * cosine.mean - 1) ** 2
    along = a @ distribution.loc
    across = (a @ a - along**2) * (1 - t_squared) / (dim - 1)
    for power, exact in ((1, along * t), (2, along**2 * t_squared + across)):
        torch.manual_seed(0)
        many = torch.full((40_000,), 3.0, dtype=torch.float64).requires_grad_()
        z = PowerSpherical(distribution.loc.expand(40_000, dim), many).rsample()
        (gradients,) = torch.autograd.grad(((z @ a) ** power).sum(), many)  # of each sample by its own concentration
        parts.close(gradients, torch.autograd.grad(exact, k, retain_graph=True)[0])


def test_power_spherical_gradient_by_its_direction() -> None:
    """E[a^T z] = k / (k + D - 1) a^T m, on the tangent of the sphere at m."""
    torch.manual_seed(0)
    vector = double(0.3, -1.0, 0.8).requires_grad_()
    a = double(1.0, 2.0, -1.0)
    (exact,) = torch.autograd.grad((direction(vector) @ a) * 5 / (5 + 2), vector)
    many = vector.detach().expand(40_000, 3).clone().requires_grad_()
    z = PowerSpherical(direction(many), torch.full((40_000,), 5.0, dtype=torch.float64)).rsample()
    (gradients,) = torch.autograd.grad((z @ a).sum(), many)
    parts.close(gradients, exact)


@pytest.mark.parametrize("size", [0.0, 1e-30, 1e30])
def test_directions_of_any_size(size: float) -> None:
    vector = torch.full((2, 3), size).requires_grad_()
    unit = direction(vector)
    unit.sum().backward()
    torch.testing.assert_close(unit.norm(dim=-1), torch.ones(2))
    assert vector.grad is not None
    assert vector.grad.isfinite().all()


@pytest.mark.parametrize("concentration", [1e-3, 1.0, 1e3, 1e6])
@pytest.mark.parametrize("dim", [2, 20])
def test_power_spherical_in_float32(dim: int, concentration: float) -> None:
    torch.manual_seed(0)
    wide = power_spherical(dim, concentration)
    parameters = (wide.loc.float().requires_grad_(), wide.concentration.float().requires_grad_())
    narrow = PowerSpherical(*parameters)
    z = narrow.rsample((1000,))
    log_q = narrow.log_prob(z)
    exact = wide.log_prob(torch.nn.functional.normalize(z.detach().double(), dim=-1)).float()
    torch.testing.assert_close(log_q, exact, rtol=1e-4, atol=1e-2)
    (log_q.sum() + z.sum()).backward()
    assert all(parameter.grad is not None and parameter.grad.isfinite().all() for parameter in parameters)
    exact_kl = divergence(wide).float()
    torch.testing.assert_close(divergence(narrow), exact_kl, rtol=1e-5, atol=1e-5)
