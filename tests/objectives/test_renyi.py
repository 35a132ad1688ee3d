"""The variational Renyi bound on a model solved by hand: z ~ N(0, 1), x | z ~ N(z, 1), q = N(m, s^2)."""

import math

import pytest
import torch

from helpers import exact
from helpers.parts import close
from vae_lab.maths import bounds
from vae_lab.objectives.elbo_mc import MonteCarloELBO
from vae_lab.objectives.importance_weighted import IWAE
from vae_lab.objectives.objective import Loss, Objective
from vae_lab.objectives.renyi import Renyi

X, MEAN, SCALE = 1.3, 0.2, 0.6
ALPHAS = [-20.0, -1.0, 0.0, 0.5, 0.99, 0.9989999, 0.9990001, 1.0, 1.0000001, 1.3, 2.0, 20.0]


def exact_bound(alpha: float) -> float:
    """1 / (1 - alpha) log int q^alpha p(x, z)^(1 - alpha) dz, the integral of a parabola's exponential."""
    power, variance = 1 - alpha, SCALE**2
    precision = alpha / variance + 2 * power
    slope = alpha * MEAN / variance + power * X
    constant = -alpha / 2 * (math.log(2 * math.pi * variance) + MEAN**2 / variance)
    constant -= power * (math.log(2 * math.pi) + X**2 / 2)
    return (constant + slope**2 / (2 * precision) + math.log(2 * math.pi / precision) / 2) / power


def run(objective: Objective) -> tuple[Loss, list[torch.Tensor]]:
    """The loss under fixed noise, and the gradient at the parameters of q."""
    torch.manual_seed(0)
    model, encoder = exact.conjugate_gaussian(MEAN, SCALE)
    loss = objective(model, exact.image(X, 50))
    return loss, list(torch.autograd.grad(loss.value, [*encoder.parameters()]))


@pytest.mark.parametrize(
    ("special", "general"),
    [
        (MonteCarloELBO(5), Renyi(1.0, 5)),
        (MonteCarloELBO(5), Renyi(1.0 - 1e-12, 5)),
        (IWAE(5), Renyi(0.0, 5)),
        (MonteCarloELBO(1), Renyi(0.3, 1)),
    ],
    ids=["elbo", "nearly_elbo", "iwae", "one_sample"],
)
def test_special_cases_in_value_and_gradient(special: Objective, general: Objective) -> None:
    (loss, gradients), (expected, expected_gradients) = run(general), run(special)
    torch.testing.assert_close(loss.value, expected.value)
    torch.testing.assert_close(gradients, expected_gradients)
    for name in ("elbo", "rate", "distortion"):
        torch.testing.assert_close(loss.terms[name], expected.terms[name])


@pytest.mark.parametrize("alpha", [-0.2, 0.0, 0.5, 0.9995, 2.0])
def test_the_weights_have_the_exact_mean(alpha: float) -> None:
    """exp((1 - alpha) L) is a mean of K powers, and so unbiased for any K."""
    torch.manual_seed(0)
    model, _ = exact.conjugate_gaussian(MEAN, SCALE)
    log_w = model.trace(exact.image(X, 40_000), num_samples=4).log_w()
    power = 1 - alpha
    close((power * bounds.renyi(log_w, alpha)).exp(), math.exp(power * exact_bound(alpha)))


def test_the_exact_bound_falls_from_log_p_to_the_elbo() -> None:
    assert exact_bound(0.0) == pytest.approx(exact.log_p(X))
    assert exact_bound(-0.1) > exact.log_p(X)
    assert exact_bound(1 - 1e-6) == pytest.approx(exact.elbo(X, MEAN, SCALE), abs=1e-4)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_it_falls_as_alpha_grows(dtype: torch.dtype) -> None:
    """On the same samples, within the range of the weights, and without a step where the formula changes."""
    log_w = 10 * torch.randn(7, 100, dtype=dtype, generator=torch.Generator().manual_seed(0))
    values = torch.stack([bounds.renyi(log_w, alpha) for alpha in ALPHAS])  # (alphas, B)
    assert (values.diff(dim=0) <= 1e-3 * (dtype == torch.float32)).all()
    assert (values <= log_w.amax(0)).all()
    assert (values >= log_w.amin(0)).all()
    below, above = values[ALPHAS.index(0.9989999)], values[ALPHAS.index(0.9990001)]
    torch.testing.assert_close(below, above, rtol=1e-5, atol=1e-3)


@pytest.mark.parametrize("alpha", ALPHAS)
def test_it_is_finite_at_extremes(alpha: float) -> None:
    log_w = torch.tensor([[-1e4, 0.0], [3e3, 0.0], [-2e4, 0.0]], requires_grad=True)
    value = bounds.renyi(log_w, alpha)
    (gradient,) = torch.autograd.grad(value.sum(), log_w)
    assert value.isfinite().all()
    torch.testing.assert_close(gradient.sum(0), torch.ones(2))  # a weighted mean of the log-weights' gradients


@pytest.mark.parametrize(("alpha", "name"), [(0.5, "bound"), (0.0, "bound"), (3.0, "bound"), (-0.5, "estimate")])
def test_what_bounds_nothing_is_not_called_a_bound(alpha: float, name: str) -> None:
    loss, _ = run(Renyi(alpha))
    assert loss.terms.keys() == {name, "elbo", "rate", "distortion"}
    torch.testing.assert_close(loss.terms[name], -loss.value.detach())
