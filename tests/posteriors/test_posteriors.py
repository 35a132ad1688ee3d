"""The posteriors against the laws that they must equal, and the flows against autograd's Jacobian."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.distributions import Independent, MultivariateNormal, Normal
from torch.distributions.kl import kl_divergence

from helpers import parts
from vae_lab.distributions.flows import FlowDistribution
from vae_lab.distributions.pushforward import CholeskyNormal, Pushforward, log_standard_normal
from vae_lab.maths import kl
from vae_lab.posteriors.flows import InverseAutoregressiveFlow, SplineFlow
from vae_lab.posteriors.normal import DiagonalNormal, FullCovarianceNormal
from vae_lab.posteriors.posterior import Posterior

FLOWS = [InverseAutoregressiveFlow, SplineFlow]
Family = Callable[..., Posterior]


def bent(posterior: Posterior) -> Posterior:
    """A flow far from the identity where it starts, in float64."""
    torch.manual_seed(0)
    with torch.no_grad():
        for name, parameter in posterior.named_parameters():
            parameter.add_(0.3 * torch.randn_like(parameter) if "bias" in name else 0)
            parameter.mul_(2)
    return posterior.double()


def params_of(posterior: Posterior, *batch: int, size: float = 1.0) -> Tensor:
    """Random outputs of an encoder."""
    torch.manual_seed(1)
    return (size * torch.randn(*batch, *posterior.param_shape, dtype=torch.float64)).requires_grad_()


def distribution_of(posterior: Posterior, params: Tensor) -> Pushforward:
    distribution = posterior(params)
    assert isinstance(distribution, Pushforward)
    return distribution


@pytest.mark.parametrize("latent_dim", [1, 2, 4])
def test_full_covariance_is_the_multivariate_normal(latent_dim: int) -> None:
    posterior = FullCovarianceNormal(latent_dim)
    params = params_of(posterior, 3)
    q = posterior(params)
    assert isinstance(q, CholeskyNormal)
    exact = MultivariateNormal(q.loc, scale_tril=q.scale_tril)
    z = torch.randn(5, 3, latent_dim, dtype=torch.float64)
    torch.testing.assert_close(q.log_prob(z), exact.log_prob(z))
    torch.testing.assert_close(q.variance, exact.variance)
    torch.testing.assert_close(q.mean, exact.mean)
    (ours,) = torch.autograd.grad(q.log_prob(z).sum(), params, retain_graph=True)
    (theirs,) = torch.autograd.grad(exact.log_prob(z).sum(), params, retain_graph=True)
    torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("standard", [True, False])
def test_full_covariance_has_the_kl_of_the_multivariate_normal(standard: bool) -> None:
    posterior = FullCovarianceNormal(4)
    params = params_of(posterior, 3)
    q = posterior(params)
    assert isinstance(q, CholeskyNormal)
    loc = torch.zeros(4, dtype=torch.float64) if standard else torch.randn(4, dtype=torch.float64)
    scale = torch.ones(4, dtype=torch.float64) if standard else torch.rand(4, dtype=torch.float64) + 0.5
    ours = kl.closed_form(q, Independent(Normal(loc, scale), 1))
    assert ours is not None
    exact = MultivariateNormal(q.loc, scale_tril=q.scale_tril)
    theirs = kl_divergence(exact, MultivariateNormal(loc, scale_tril=scale.diag()))
    torch.testing.assert_close(ours, theirs)
    gradients = [torch.autograd.grad(k.sum(), params, retain_graph=True)[0] for k in (ours, theirs)]
    torch.testing.assert_close(*gradients)


def test_full_covariance_with_a_diagonal_factor_is_diagonal() -> None:
    full, diagonal = FullCovarianceNormal(4), DiagonalNormal(4)
    params = torch.cat([torch.randn(3, 8), torch.zeros(3, 6)], -1).double().requires_grad_()
    q, expected = full(params), diagonal(params[..., :8])
    z = torch.randn(5, 3, 4, dtype=torch.float64)
    prior = Independent(Normal(torch.zeros(4).double(), torch.ones(4).double()), 1)
    for ours, theirs in [
        (q.log_prob(z), expected.log_prob(z)),
        (kl.closed_form(q, prior), kl.closed_form(expected, prior)),
    ]:
        assert ours is not None
        assert theirs is not None
        torch.testing.assert_close(ours, theirs)
        gradients = [torch.autograd.grad(k.sum(), params, retain_graph=True)[0] for k in (ours, theirs)]
        torch.testing.assert_close(gradients[0][..., :8], gradients[1][..., :8])


@pytest.mark.parametrize("latent_dim", [1, 2, 4])
@pytest.mark.parametrize("family", [*FLOWS, FullCovarianceNormal])
def test_density_is_that_of_the_jacobian(family: Family, latent_dim: int) -> None:
    """log q(z) = log N(e) - log|det dz/de|, with context, in both directions."""
    posterior = bent(family(latent_dim))
    for params in params_of(posterior, 4):
        q = distribution_of(posterior, params)
        for e in 2 * torch.randn(5, latent_dim, dtype=torch.float64):
            jacobian = torch.autograd.functional.jacobian(lambda e, q=q: q.push(e)[0], e)
            z, log_slope = q.push(e)
            torch.testing.assert_close(log_slope, jacobian.slogdet().logabsdet)
            torch.testing.assert_close(q.log_prob(z), log_standard_normal(e) - jacobian.slogdet().logabsdet)
            torch.testing.assert_close(q.pull(z)[0], e)


@pytest.mark.parametrize("family", FLOWS)
def test_context_bends_the_flow(family: Family) -> None:
    posterior = bent(family(3, context_dim=5))
    params = params_of(posterior, 2)
    other = torch.cat([params[:, :6], -params[:, 6:]], -1)
    e = torch.randn(2, 3, dtype=torch.float64)
    z, same = (distribution_of(posterior, p).push(e)[0] for p in (params, other))
    assert ((z - same).abs() > 1e-3).any(-1).all()


@pytest.mark.parametrize("family", FLOWS)
def test_depth_0_is_diagonal(family: Family) -> None:
    posterior, diagonal = family(3, depth=0), DiagonalNormal(3)
    assert posterior.param_shape == diagonal.param_shape
    params = params_of(diagonal, 2)
    q, expected = posterior(params), diagonal(params)
    assert type(q) is type(expected)
    torch.testing.assert_close((q.mean, q.variance), (expected.mean, expected.variance), rtol=0, atol=0)


@pytest.mark.parametrize("family", FLOWS)
def test_flow_that_is_the_identity_is_diagonal(family: Family) -> None:
    posterior, diagonal = family(3).double(), DiagonalNormal(3)
    with torch.no_grad():
        for step in posterior.steps.steps:
            for parameter in step.hyper[-1].parameters():
                parameter.zero_()
    params = params_of(posterior, 2)
    z = torch.randn(4, 2, 3, dtype=torch.float64)
    q, expected = posterior(params), diagonal(params[:, :6])
    torch.testing.assert_close(q.log_prob(z), expected.log_prob(z))
    torch.testing.assert_close(q.mean, expected.mean)


@pytest.mark.parametrize("family", [*FLOWS, FullCovarianceNormal])
def test_remembered_density_is_the_recomputed_one(family: Family) -> None:
    """In value and gradient: a copy of the sample is scored through the inverse."""
    posterior = bent(family(3))
    params = params_of(posterior, 4)
    q = posterior(params)
    z = q.rsample((5,))
    remembered, recomputed = q.log_prob(z), q.log_prob(z.clone())
    torch.testing.assert_close(remembered, recomputed)
    wrt = [params, *posterior.parameters()]
    gradients = [torch.autograd.grad(log_q.sum(), wrt, retain_graph=True) for log_q in (remembered, recomputed)]
    torch.testing.assert_close(*gradients)


@pytest.mark.parametrize("family", [*FLOWS, FullCovarianceNormal])
def test_density_of_a_fixed_sample_has_the_gradient_of_the_score(family: Family) -> None:
    """E[d log q(z) / d params] = 0 at samples held fixed; nothing is remembered of a sample without its gradient."""
    posterior = bent(family(2))
    params = params_of(posterior).detach().expand(4000, -1).clone().requires_grad_()
    q = posterior(params)
    with torch.no_grad():
        sampled_without_graph = q.rsample()
        assert not q.log_prob(sampled_without_graph).requires_grad
    for draw in (lambda: sampled_without_graph, q.sample, lambda: q.rsample().detach()):
        z = draw()
        (score,) = torch.autograd.grad(q.log_prob(z).sum(), params, retain_graph=True)
        assert score.any()
        parts.close(score, 0.0)


def test_remembered_density_survives_where_rounding_hides_the_noise() -> None:
    """Float32 holds no noise of scale e^-15 beside a mean of 1000; the density at the sample is known all the same."""
    posterior = FullCovarianceNormal(2)
    q = posterior(torch.tensor([1e3, 1e3, -30.0, -30.0, 1e3]).expand(4000, -1))
    entropy = 2 * (0.5 * torch.log(torch.tensor(2 * torch.pi)) + 0.5 - 15)
    parts.close(-q.log_prob(q.rsample()), entropy)


@pytest.mark.parametrize("family", FLOWS)
def test_mixed_precision_leaves_the_density_exact(family: Family) -> None:
    posterior = bent(family(3)).float()
    q = posterior(params_of(posterior, 4).float())
    with torch.autocast("cpu", torch.bfloat16):
        z = q.rsample((5,))
        assert z.dtype == torch.float32
        torch.testing.assert_close(q.log_prob(z), q.log_prob(z.clone()), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("family", [*FLOWS, FullCovarianceNormal])
def test_scores_every_sample_under_every_image(family: Family) -> None:
    posterior = bent(family(3))
    params = params_of(posterior, 4)
    z = torch.randn(5, 1, 3, dtype=torch.float64)
    pairs = posterior(params).log_prob(z)
    assert pairs.shape == (5, 4)
    torch.testing.assert_close(pairs[2, 3], posterior(params[3]).log_prob(z[2, 0]))


@pytest.mark.slow
@pytest.mark.parametrize("name", parts.of_real_vectors("posterior"))
def test_integrates_to_one_over_the_plane(name: str) -> None:
    posterior = parts.posterior(name, 2).double()
    points, area = parts.plane(8.0, 200)
    with torch.no_grad():
        density = posterior(params_of(posterior, size=0.5).detach()).log_prob(points).exp()
    torch.testing.assert_close(density.sum() * area, torch.ones((), dtype=torch.float64), rtol=0, atol=1e-4)


def test_mean_of_a_flow_is_the_image_of_no_noise() -> None:
    posterior = bent(SplineFlow(3))
    q = posterior(params_of(posterior, 2))
    assert isinstance(q, FlowDistribution)
    torch.testing.assert_close(q.mean, q.push(torch.zeros(2, 3, dtype=torch.float64))[0])


@pytest.mark.slow
@pytest.mark.parametrize("name", ["full_covariance", "iaf", "spline_flow"])
def test_learns_digits(name: str) -> None:
    first, last = parts.losses_on_digits(f"posterior={name}")
    assert last < first - 1


@pytest.mark.slow
@pytest.mark.parametrize("family", FLOWS)
def test_compiles_with_the_inverse(family: Family) -> None:
    """An objective may score a detached sample, which takes the inverse."""
    posterior = family(2, depth=1, hidden_sizes=(8,))

    def loss(params: Tensor) -> Tensor:
        q = posterior(params)
        return q.log_prob(q.rsample((3,)).detach()).sum()

    params = params_of(posterior, 4).detach().float()
    torch._dynamo.reset()
    compiled = torch.compile(loss, fullgraph=True, backend="aot_eager")
    values = []
    for function in (loss, compiled):
        torch.manual_seed(0)
        values.append(function(params))
    torch.testing.assert_close(*values)
