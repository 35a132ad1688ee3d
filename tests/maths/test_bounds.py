"""Bounds and their estimators on a model solved by hand: z ~ N(0, 1), x | z ~ N(z, 1), q = N(m, s^2)."""

import math

import pytest
import torch

from helpers import exact
from helpers.parts import close
from vae_lab.evaluation import validation_bounds
from vae_lab.maths import bounds
from vae_lab.objectives.elbo import ELBO

X, MEAN, SCALE = 1.3, 0.2, 0.6
NUM = 40_000


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def test_elbo_is_unbiased() -> None:
    model, _ = exact.conjugate_gaussian(MEAN, SCALE)
    close(validation_bounds.plain_elbo(model, exact.image(X, NUM))["elbo"], exact.elbo(X, MEAN, SCALE))


def test_elbo_is_minus_rate_and_distortion() -> None:
    model, _ = exact.conjugate_gaussian(MEAN, SCALE)
    figures = validation_bounds.plain_elbo(model, exact.image(X, 10))
    torch.testing.assert_close(figures["elbo"], -(figures["rate"] + figures["distortion"]))
    rate = -math.log(SCALE) + (SCALE**2 + MEAN**2) / 2 - 0.5
    torch.testing.assert_close(figures["rate"], torch.full((10,), rate, dtype=torch.float64))


def test_elbo_is_log_p_at_the_posterior() -> None:
    model, _ = exact.conjugate_gaussian(X / 2, math.sqrt(0.5))
    close(validation_bounds.plain_elbo(model, exact.image(X, NUM))["elbo"], exact.log_p(X))


@pytest.mark.slow
@pytest.mark.parametrize("num_samples", [1, 4])
def test_gradient_of_the_elbo_has_the_exact_mean_and_variance(num_samples: int) -> None:
    """Reparameterised, with the KL in closed form: d/dm has mean x - 2m and variance s^2 / L."""
    model, encoder = exact.conjugate_gaussian(MEAN, SCALE)
    objective = ELBO(num_samples=num_samples)
    gradients = []
    for _ in range(4000):
        model.zero_grad()
        (-objective(model, exact.image(X, 1)).value).backward()
        assert encoder.mean.grad is not None
        gradients.append(encoder.mean.grad.clone())
    drawn = torch.stack(gradients)
    close(drawn, X - 2 * MEAN)
    close((drawn - (X - 2 * MEAN)).square(), SCALE**2 / num_samples)


def test_loss_is_minus_the_bound_and_averages_over_the_batch() -> None:
    model, _ = exact.conjugate_gaussian(MEAN, SCALE)
    x = torch.cat([exact.image(X, 3), exact.image(0.0, 3)])
    torch.manual_seed(1)
    loss = ELBO()(model, x)
    torch.manual_seed(1)
    figures = validation_bounds.plain_elbo(model, x)
    torch.testing.assert_close(loss.value, -figures["elbo"].mean())
    for name in ("elbo", "rate", "distortion"):
        torch.testing.assert_close(loss.terms[name], figures[name].mean())


def test_importance_weighted_bound_is_the_elbo_at_one_sample() -> None:
    model, _ = exact.conjugate_gaussian(MEAN, SCALE)
    close(-validation_bounds.nll(model, exact.image(X, NUM), num_samples=1), exact.elbo(X, MEAN, SCALE))


def test_importance_weighted_bound_rises_towards_log_p() -> None:
    model, _ = exact.conjugate_gaussian(MEAN, SCALE)
    means = [
        -validation_bounds.nll(model, exact.image(X, 20_000), num_samples=k).mean().item() for k in (1, 2, 5, 20, 100)
    ]
    assert means == sorted(means)
    assert means[0] < exact.log_p(X) - 0.1
    assert means[-1] == pytest.approx(exact.log_p(X), abs=0.01)


@pytest.mark.parametrize("num_samples", [1, 7])
def test_importance_weighted_bound_is_log_p_at_the_posterior(num_samples: int) -> None:
    """With q the posterior every weight is p(x), so the bound has no variance at all."""
    model, _ = exact.conjugate_gaussian(X / 2, math.sqrt(0.5))
    nll = validation_bounds.nll(model, exact.image(X, 5), num_samples=num_samples)
    torch.testing.assert_close(nll, torch.full((5,), -exact.log_p(X), dtype=torch.float64))


def test_importance_weighted_bound_is_the_logarithm_of_the_mean() -> None:
    log_w = torch.tensor([[0.0, -800.0], [math.log(3.0), -801.0]], dtype=torch.float64)
    expected = torch.tensor([math.log(2.0), -800 + math.log((1 + math.exp(-1)) / 2)], dtype=torch.float64)
    torch.testing.assert_close(bounds.importance_weighted(log_w), expected)


def test_nll_does_not_depend_on_its_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    model, _ = exact.conjugate_gaussian(X / 2, math.sqrt(0.5))
    x = torch.linspace(-1, 1, 10, dtype=torch.float64).reshape(10, 1, 1, 1)
    whole = validation_bounds.nll(model, x, num_samples=1)
    monkeypatch.setattr(validation_bounds, "ROWS_AT_ONCE", 3)
    assert validation_bounds.nll(model, x, num_samples=1).shape == whole.shape == (10,)


def test_bits_per_dim() -> None:
    assert validation_bounds.bits_per_dim(784 * math.log(2), 784) == pytest.approx(1.0)
