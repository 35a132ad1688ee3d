"""Monte Carlo EM against exact gradients of log p(x), and the maximum likelihood of probabilistic PCA."""

import copy
import io
import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.distributions import MultivariateNormal, kl_divergence

from helpers import exact, parts
from helpers.chain import OFFSET, SCALE, SLOPE, image, ladder, two_layers
from helpers.composed import composed
from helpers.gradients import NUM, POSTERIOR, PerImage, Shifted, X
from helpers.probabilistic_pca import IMAGE_SHAPE, LATENT_DIM, fit, maximum_log_likelihood
from helpers.resuming import resumed_after_kill
from vae_lab import build
from vae_lab.configuration.check import check
from vae_lab.errors import UserError
from vae_lab.likelihoods.gaussian import Gaussian, GaussianShared
from vae_lab.models.latent_model import LatentModel
from vae_lab.models.vae import VAE
from vae_lab.objectives.monte_carlo_em import MonteCarloEM
from vae_lab.posteriors.normal import DiagonalNormal
from vae_lab.priors.standard_normal import StandardNormal


def gradients(objective: MonteCarloEM, mean: float, scale: float) -> tuple[Tensor, Tensor]:
    """On the conjugate model, for each image: the gradients at mean and log-variance of q, and at the shift."""
    torch.manual_seed(0)
    encoder, decoder = PerImage(mean, 2 * math.log(scale)), Shifted(0.0)
    model = VAE(encoder, DiagonalNormal(1), StandardNormal(1), decoder, Gaussian((1, 1, 1))).double()
    objective(model, exact.image(X, NUM)).value.backward()
    assert encoder.values.grad is not None
    assert decoder.values.grad is not None
    return -NUM * encoder.values.grad, -NUM * decoder.values.grad


@pytest.mark.parametrize(
    ("objective", "mean", "scale"),
    [
        pytest.param(MonteCarloEM(initial_step_size=0.5), *POSTERIOR, id="from the exact posterior"),
        pytest.param(MonteCarloEM(num_transitions=15), -0.8, 0.4, id="from another q"),
        pytest.param(MonteCarloEM(num_transitions=15, start="prior"), -0.8, 0.4, id="from the prior"),
    ],
)
def test_mean_gradients_are_exact(objective: MonteCarloEM, mean: float, scale: float) -> None:
    """For the decoder that of log p(x) = -(x - shift)^2 / 4, for q that of E_p(z|x)[log q(z)]."""
    q, shifts = gradients(objective, mean, scale)
    parts.close(shifts[:, 0], X / 2)
    away = POSTERIOR[0] - mean
    parts.close(q[:, 0], away / scale**2)
    parts.close(q[:, 1], ((POSTERIOR[1] ** 2 + away**2) / scale**2 - 1) / 2)


def test_short_chains_lean_towards_their_start() -> None:
    """What the test above would not forgive, and what the docstring warns of."""
    _, shifts = gradients(MonteCarloEM(num_leapfrog=1), -0.8, 0.4)
    assert (shifts.mean() - X / 2).abs() > 0.5


@pytest.mark.parametrize("build_model", [two_layers, ladder])
def test_samples_of_all_layers_are_those_of_the_exact_posterior(build_model: Callable[[], LatentModel]) -> None:
    torch.manual_seed(0)
    objective = MonteCarloEM(num_transitions=15)
    objective(build_model(), image(X, 20_000))
    assert objective.kept is not None
    for z, slope, prior_mean, prior_variance, noise in zip(
        objective.kept.zs, (SLOPE, 1.0), (0.0, OFFSET), (1.0, SLOPE**2 + SCALE**2), (SCALE**2 + 1, 1.0), strict=True
    ):  # x = slope z + (offset + noise), with z2 on top and z1 below
        offset = OFFSET if slope == SLOPE else 0.0
        variance = 1 / (1 / prior_variance + slope**2 / noise)
        mean = variance * (prior_mean / prior_variance + slope * (X - offset) / noise)
        parts.close(z[:, 0], mean)
        parts.close((z[:, 0] - mean).square(), variance)


def linear_data() -> Tensor:
    """Images of a linear-Gaussian model, of shape (1000, C, H, W)."""
    generator = torch.Generator().manual_seed(0)
    loadings = torch.tensor([[0.9, 0.2], [-0.5, 0.6], [0.3, 0.8], [0.0, -0.7], [0.6, 0.1], [-0.2, 0.5]])
    x = torch.randn(1000, LATENT_DIM, generator=generator) @ loadings.T
    return (0.5 + x + 0.3 * torch.randn(x.shape, generator=generator)).double().reshape(-1, *IMAGE_SHAPE)


@pytest.mark.slow
def test_reaches_the_maximum_likelihood_and_fits_q_to_the_posterior() -> None:
    """Probabilistic PCA, whose likelihood and posterior are exact for any weights; the ELBO takes no part."""
    images = linear_data()
    config = composed(
        "model=linear", "likelihood=gaussian_shared", "posterior=full_covariance", f"latent_dim={LATENT_DIM}"
    )
    model = build.model(config, IMAGE_SHAPE, images.mean(0)).double()
    objective = MonteCarloEM()
    torch.manual_seed(0)
    fit(model, objective, images, num_steps=1000, lr=0.08)
    assert objective.acceptance == pytest.approx(0.9, abs=0.05)

    with torch.no_grad():
        units = torch.eye(LATENT_DIM, dtype=torch.float64)
        offset = model.decode(torch.zeros_like(units)).mean.flatten(1)[0]
        loadings = (model.decode(units).mean.flatten(1) - offset).T  # (D, latent)
        assert isinstance(model.likelihood, GaussianShared)
        noise = model.likelihood.scale.square()
        x = images.flatten(1)
        marginal = MultivariateNormal(offset, loadings @ loadings.T + noise * torch.eye(len(offset)))
        reached = marginal.log_prob(x).mean().item()
        best = maximum_log_likelihood(x, LATENT_DIM)
        assert best - 0.01 < reached <= best + 1e-9
        precision = units + loadings.T @ loadings / noise
        means = (x - offset) @ loadings @ torch.linalg.inv(precision).T / noise
        posterior = MultivariateNormal(means, precision_matrix=precision)
        q = model.encode(images)
        gap = kl_divergence(MultivariateNormal(q.mean, scale_tril=q.scale_tril), posterior)
        assert gap.mean() < 0.02


def test_a_batch_is_kept_with_its_samples_for_its_updates() -> None:
    model, _ = parts.model_and_objective()
    objective = MonteCarloEM(num_updates=2)
    x = parts.images(model, 8)
    first, second, third = (objective(model, batch) for batch in (x[:4], x[4:], x[4:]))
    torch.testing.assert_close(second.value, first.value, rtol=0, atol=0)
    assert third.value != first.value
    assert objective.kept is not None
    torch.testing.assert_close(objective.kept.x, x[4:])
    assert first.terms.keys() == {"log_joint", "log_q", "acceptance", "step_size"}
    assert third.terms["step_size"] != first.terms["step_size"]


def test_samples_change_nothing_but_the_samples() -> None:
    """No running average of the model moves, and no gradient appears, while chains run."""
    model, _ = parts.model_and_objective("likelihood=gaussian_optimal")
    before = copy.deepcopy(model.state_dict())
    objective = MonteCarloEM()
    with torch.no_grad():
        objective._sample_posterior(model, parts.images(model, 4), None)
    torch.testing.assert_close(model.state_dict(), before, rtol=0, atol=0)
    assert all(parameter.grad is None for parameter in model.parameters())
    assert model.training


@pytest.mark.parametrize("num_before", [0, 3, 5])
def test_its_state_is_saved_and_loaded(num_before: int) -> None:
    model, _ = parts.model_and_objective()
    x, objective, other = parts.images(model, 8), MonteCarloEM(), MonteCarloEM()
    for _ in range(num_before):
        objective(model, x[:4])
    buffer = io.BytesIO()
    torch.save(objective.state_dict(), buffer)
    buffer.seek(0)
    other.load_state_dict(torch.load(buffer, weights_only=True))
    for _ in range(4):
        losses = []
        for each in (objective, other):
            torch.manual_seed(0)
            losses.append(each(model, x[4:]))
        torch.testing.assert_close(*losses, rtol=0, atol=0)


@pytest.mark.slow
def test_an_interrupted_run_ends_bit_identical(tmp_path: Path) -> None:
    """Saved after 24 of 37 batches: between two updates with the same samples."""
    resumed_after_kill(tmp_path, "trainer.max_epochs=1", "checkpoint_every_n_steps=12", "objective=monte_carlo_em")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("overrides", "reason", "fix"),
    [
        (["posterior=gumbel_softmax", "prior=uniform_categorical"], "a real vector", "posterior=diagonal"),
        (["posterior=spherical", "prior=uniform_sphere"], "a real vector", "posterior=diagonal"),
        (["posterior=delta"], "no density", "objective="),
        (["posterior=iaf"], "one pass for every latent unit", "posterior=diagonal"),
        (["compile=true"], "gradients inside the forward pass", "set compile=false"),
    ],
)
def test_what_it_is_not_defined_for_is_refused_with_the_fix(overrides: list[str], reason: str, fix: str) -> None:
    config = composed("objective=monte_carlo_em", *overrides)
    for refuse in (check, lambda config: build.objective(config, num_images=1, image_shape=parts.IMAGE_SHAPE)):
        with pytest.raises(UserError) as refusal:
            refuse(config)
        message = str(refusal.value)
        assert reason in message
        assert fix in message
        assert "\n" not in message
