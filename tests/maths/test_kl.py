"""Closed-form divergences against known values, derivatives and Monte Carlo."""

import torch
from torch.distributions import Bernoulli, Independent, Normal
from torch.distributions.kl import kl_divergence

from helpers.parts import close
from vae_lab.maths import kl


def normal(loc: float | list[float], scale: float | list[float], event_dims: int = 0) -> Independent:
    distribution = Normal(torch.tensor(loc, dtype=torch.float64), torch.tensor(scale, dtype=torch.float64))
    return Independent(distribution, event_dims)


def test_known_value() -> None:
    q, p = Normal(torch.tensor(1.0), torch.tensor(0.5)), Normal(torch.tensor(0.0), torch.tensor(1.0))
    torch.testing.assert_close(kl.normal_normal(q, p), torch.tensor(0.8181472))


def test_gradient_towards_the_standard_normal() -> None:
    """d/dm = m and d/ds = s - 1/s."""
    m = torch.tensor([0.3, -2.0], dtype=torch.float64, requires_grad=True)
    s = torch.tensor([0.5, 1.7], dtype=torch.float64, requires_grad=True)
    kl.normal_normal(Normal(m, s), Normal(torch.zeros_like(m), torch.ones_like(s))).sum().backward()
    torch.testing.assert_close(m.grad, m.detach())
    torch.testing.assert_close(s.grad, s.detach() - 1 / s.detach())


def test_general_pair_in_value_and_gradient() -> None:
    parameters = [torch.randn(5, dtype=torch.float64, requires_grad=True) for _ in range(4)]
    m, log_s, n, log_t = parameters
    q, p = Normal(m, log_s.exp()), Normal(n, log_t.exp())
    ours, theirs = kl.normal_normal(q, p), kl_divergence(q, p)
    torch.testing.assert_close(ours, theirs)
    for mine, other in zip(
        *(torch.autograd.grad(k.sum(), parameters, retain_graph=True) for k in (ours, theirs)), strict=True
    ):
        torch.testing.assert_close(mine, other)


def test_sums_over_the_event() -> None:
    q, p = normal([1.0, 0.0, -1.0], [0.5, 1.0, 2.0], 1), normal([0.0, 0.0, 0.0], [1.0, 1.0, 1.0], 1)
    divergence = kl.closed_form(q, p)
    assert divergence is not None
    assert divergence.shape == ()
    torch.testing.assert_close(divergence, kl_divergence(q, p))


def test_agrees_with_monte_carlo() -> None:
    torch.manual_seed(0)
    q, p = normal([1.0, -0.5], [0.5, 1.5], 1), normal([0.0, 0.3], [1.0, 0.7], 1)
    z = q.sample((50_000,))
    divergence = kl.closed_form(q, p)
    assert divergence is not None
    close(q.log_prob(z) - p.log_prob(z), divergence)


def test_none_where_no_closed_form_is_known() -> None:
    q = Independent(Normal(torch.zeros(2), torch.ones(2)), 1)
    assert kl.closed_form(q, Independent(Bernoulli(torch.full((2,), 0.5)), 1)) is None
    assert kl.closed_form(q, Normal(torch.zeros(2), torch.ones(2))) is None
    assert kl.closed_form(q, Independent(Normal(torch.zeros(1, 2), torch.ones(1, 2)), 2)) is None
