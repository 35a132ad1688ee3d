"""Gradient estimators on models solved by hand, in value and in the mean and the variance of their gradients."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from helpers import chain, exact, parts
from helpers.gradients import MEAN, NUM, POSTERIOR, SCALE, G, X, exact_gradient_of_two_samples, run
from vae_lab.distributions.delta import Delta
from vae_lab.distributions.detached import detach_parameters
from vae_lab.distributions.normals import diagonal_normal
from vae_lab.errors import UserError
from vae_lab.maths import bounds, estimators
from vae_lab.models.latent_model import LatentModel
from vae_lab.objectives.elbo_mc import MonteCarloELBO
from vae_lab.objectives.importance_weighted import CIWAE, IWAE, MIWAE, PIWAE, DReG
from vae_lab.objectives.objective import Objective
from vae_lab.objectives.stl import StickingTheLanding

# Choices whose q can be scored with its parameters held fixed, beside the default.
HELD = ["model=two_layer", "model=ladder", "posterior=full_covariance", "posterior=spherical"]


@pytest.mark.parametrize("num_samples", [1, 4])
def test_elbo_mc_and_stl_have_the_exact_mean_and_variance(num_samples: int) -> None:
    for objective, variance in (
        (MonteCarloELBO(num_samples), 4 * SCALE**2),
        (StickingTheLanding(num_samples), (1 / SCALE - 2 * SCALE) ** 2),
    ):
        loss, gradients, shifts = run(objective)
        parts.close(gradients[:, 0], G)
        parts.close((gradients[:, 0] - G).square(), variance / num_samples)
        parts.close(gradients[:, 1], 0.5 - SCALE**2)  # d/d(log s^2) of log s - s^2
        parts.close(shifts[:, 0], X - MEAN)
        error = math.sqrt((4 * SCALE**2 + 4) / (num_samples * NUM))  # more than its standard error
        assert -loss.value.item() == pytest.approx(exact.elbo(X, MEAN, SCALE), abs=5 * error)


@pytest.mark.parametrize(
    "objective", [IWAE(2), DReG(2), MIWAE(3, 2), CIWAE(2, beta=0.0)], ids=lambda objective: type(objective).__name__
)
def test_mean_gradient_is_that_of_the_exact_bound(objective: Objective) -> None:
    _, gradients, shifts = run(objective)
    parts.close(torch.cat([gradients, shifts], 1), exact_gradient_of_two_samples())


def test_dreg_has_less_noise_than_iwae() -> None:
    (_, plain, _), (_, doubly, _) = run(IWAE(10)), run(DReG(10))
    assert (doubly.var(0) < plain.var(0) / 2).all()


@pytest.mark.parametrize("objective", [DReG(6), PIWAE(2, 3)], ids=["dreg", "piwae"])
def test_value_and_decoder_gradient_are_those_of_iwae(objective: Objective) -> None:
    (loss, _, shifts), (expected, _, expected_shifts) = run(objective), run(IWAE(6))
    torch.testing.assert_close(loss, expected)
    torch.testing.assert_close(shifts, expected_shifts)


def test_encoder_gradient_of_piwae_is_that_of_miwae() -> None:
    (_, gradients, _), (_, expected, _) = run(PIWAE(2, 3)), run(MIWAE(2, 3))
    torch.testing.assert_close(gradients, expected)


@pytest.mark.parametrize(
    ("special", "general"),
    [
        (MonteCarloELBO(1), IWAE(1)),
        (MonteCarloELBO(4), MIWAE(4, 1)),
        (MonteCarloELBO(4), CIWAE(4, beta=1.0)),
        (IWAE(4), MIWAE(1, 4)),
        (IWAE(4), PIWAE(1, 4)),
        (IWAE(4), CIWAE(4, beta=0.0)),
        (StickingTheLanding(1), DReG(1)),
    ],
)
def test_special_cases_in_value_and_gradient(special: Objective, general: Objective) -> None:
    (loss, *gradients), (expected, *expected_gradients) = run(general), run(special)
    torch.testing.assert_close(loss.value, expected.value)
    torch.testing.assert_close(gradients, expected_gradients)
    for name in ("elbo", "rate", "distortion"):
        torch.testing.assert_close(loss.terms[name], expected.terms[name])


def test_bounds_are_ordered_and_terms_are_named() -> None:
    """On the same samples: ELBO <= CIWAE, MIWAE <= IWAE, by Jensen's inequality."""
    elbo, iwae = run(MonteCarloELBO(6))[0], run(IWAE(6))[0]
    assert elbo.value > run(CIWAE(6, beta=0.3))[0].value > iwae.value
    assert elbo.value > run(MIWAE(2, 3))[0].value > iwae.value
    torch.testing.assert_close(iwae.terms["bound"], -iwae.value.detach())
    torch.testing.assert_close(iwae.terms["elbo"], -(iwae.terms["rate"] + iwae.terms["distortion"]))


@pytest.mark.parametrize("objective", [MonteCarloELBO(2), IWAE(3), MIWAE(2, 2), PIWAE(2, 2), CIWAE(2), DReG(3)])
def test_every_bound_is_log_p_at_the_posterior(objective: Objective) -> None:
    loss, _, _ = run(objective, *POSTERIOR)
    assert -loss.value.item() == pytest.approx(exact.log_p(X), abs=1e-12)


@pytest.mark.parametrize("objective", [StickingTheLanding(2), DReG(3)], ids=["stl", "dreg"])
def test_gradient_has_no_noise_at_the_posterior(objective: Objective) -> None:
    _, gradients, _ = run(objective, *POSTERIOR)
    torch.testing.assert_close(gradients, torch.zeros_like(gradients), rtol=0, atol=1e-12)


def gradients_of(model: LatentModel, objective: Objective, num_images: int, num_batches: int) -> Tensor:
    """Independent gradients at all parameters, (num_batches, num_parameters)."""
    drawn = []
    for _ in range(num_batches):
        model.zero_grad()
        objective(model, chain.image(chain.X, num_images)).value.backward()
        drawn.append(torch.stack([p.grad for p in model.parameters() if p.grad is not None]))
    return torch.stack(drawn)


@pytest.mark.slow
@pytest.mark.parametrize("build", [chain.two_layers, chain.ladder])
@pytest.mark.parametrize(("held", "plain"), [(StickingTheLanding(), MonteCarloELBO()), (DReG(3), IWAE(3))])
def test_mean_gradient_in_a_hierarchy(build: Callable[[], LatentModel], held: Objective, plain: Objective) -> None:
    torch.manual_seed(0)
    model = build()
    parts.close(gradients_of(model, held, 200, 300) - gradients_of(model, plain, 200, 300), 0.0)


def at_the_posterior(name: str) -> tuple[LatentModel, list[nn.Module]]:
    """A chain whose q is the exact posterior, and the networks of q."""
    a, b, s, x = chain.SLOPE, chain.OFFSET, chain.SCALE, chain.X
    affine = chain.Affine
    if name == "two_layer":
        model = chain.two_layers()
        marginal = a**2 + s**2
        v1, v2 = 1 / (1 + 1 / marginal), 1 / (1 + a**2 / s**2)
        model.encoder = affine(v1, v1 * b / marginal, math.sqrt(v1))
        model.upper_encoder = affine(v2 * a / s**2, -v2 * a * b / s**2, math.sqrt(v2))
        return model, [model.encoder, model.upper_encoder]
    model = chain.ladder()
    v = 1 / (1 + a**2 / (s**2 + 1))
    upper = affine(0.0, v * a * (x - b) / (s**2 + 1), math.sqrt(v))
    model.inferred = nn.ModuleList([affine(1.0, 0.0, 1.0), upper])
    return model, [model.inferred]


@pytest.mark.parametrize("name", ["two_layer", "ladder"])
@pytest.mark.parametrize("objective", [StickingTheLanding(2), DReG(3)], ids=["stl", "dreg"])
def test_gradient_has_no_noise_at_the_posterior_of_a_hierarchy(name: str, objective: Objective) -> None:
    torch.manual_seed(0)
    model, inference = at_the_posterior(name)
    objective(model, chain.image(chain.X, 5)).value.backward()
    for network in inference:
        for parameter in network.parameters():
            assert parameter.grad is not None
            assert parameter.grad.abs() < 1e-12


@pytest.mark.parametrize("choice", HELD)
def test_joint_and_held_density_are_those_of_a_pass(choice: str) -> None:
    model, _ = parts.model_and_objective(choice)
    x = parts.images(model, 5)
    torch.manual_seed(0)
    trace = model.trace(x, num_samples=3)
    torch.manual_seed(0)
    held = model.trace(x, num_samples=3, detach_params=True)
    torch.testing.assert_close(held.log_w(), trace.log_w())
    log_q = torch.stack([latent.log_q for latent in trace.latents]).sum(0)
    log_joint = model.log_joint(x, [latent.z for latent in trace.latents])
    torch.testing.assert_close(log_joint - log_q, trace.log_w())


@pytest.mark.slow
@pytest.mark.parametrize("choice", HELD)
def test_compiles_wherever_q_is_held(choice: str) -> None:
    model, objective = parts.model_and_objective(choice, "objective=dreg")
    x = parts.images(model, 5)
    torch._dynamo.reset()
    compiled = torch.compile(lambda model, x: objective(model, x), fullgraph=True, backend="aot_eager")
    eager_loss, eager = parts.loss_and_gradients(model, objective, x)
    loss, gradients = parts.loss_and_gradients(model, objective, x, compiled)
    torch.testing.assert_close(loss, eager_loss)
    torch.testing.assert_close(gradients, eager)


@pytest.mark.parametrize("name", ["diagonal", "full_covariance", "spherical"])
def test_a_detached_law_is_the_law_without_its_parameters(name: str) -> None:
    posterior = parts.posterior(name, 3).double()
    params = torch.linspace(-0.5, 0.8, math.prod(posterior.param_shape), dtype=torch.float64).requires_grad_()
    distribution = posterior(params.reshape(1, *posterior.param_shape))
    z = distribution.sample((4,)).requires_grad_()
    log_q = detach_parameters(distribution).log_prob(z)
    torch.testing.assert_close(log_q, distribution.log_prob(z))
    at_params, at_z = torch.autograd.grad(log_q.sum(), (params, z), allow_unused=True)
    assert at_params is None
    torch.testing.assert_close(at_z, torch.autograd.grad(distribution.log_prob(z).sum(), z)[0])


def test_a_law_that_cannot_be_detached_is_refused() -> None:
    with pytest.raises(UserError, match="log q of a Delta cannot be computed"):
        detach_parameters(Delta(torch.zeros(2, 3)))
    assert detach_parameters(diagonal_normal(torch.zeros(2, 6))).batch_shape == (2,)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("low", [-1e4, 0.0, 1e4])
def test_bounds_and_gradients_are_finite_at_extremes(low: float, dtype: torch.dtype) -> None:
    log_w = torch.tensor([[low], [-low], [low - 3.0], [3.0]], dtype=dtype, requires_grad=True)
    fixed = log_w.detach()
    for bound in (
        bounds.multiply_importance_weighted(log_w, 2),
        bounds.combined(log_w, 0.5),
        estimators.doubly_reparameterized(log_w, fixed),
        estimators.partially_importance_weighted(log_w, fixed, 2),
    ):
        (gradient,) = torch.autograd.grad(bound.sum(), log_w)
        assert bound.isfinite().all()
        assert gradient.isfinite().all()
