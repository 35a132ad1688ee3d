"""Categorical latent variables, codes without noise, and what cannot be combined."""

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from omegaconf import DictConfig
from torch import Tensor
from torch.distributions import Independent, OneHotCategorical

import vae_lab
from helpers import parts
from helpers.composed import composed
from vae_lab import build
from vae_lab.configuration.check import check
from vae_lab.distributions.delta import Delta
from vae_lab.distributions.one_hot import GumbelSoftmax
from vae_lab.errors import UserError
from vae_lab.evaluation import validation_bounds
from vae_lab.evaluation.criterion import Distortion, PlainELBO, criterion_of
from vae_lab.maths import kl
from vae_lab.models.vae import VAE

CATEGORICAL = ("posterior=gumbel_softmax", "prior=uniform_categorical", "posterior.num_categories=3", "latent_dim=2")


def double(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


# Categorical latent variables.


def test_categorical_divergence_by_enumeration() -> None:
    """In value and gradient, summed over the variables, for the relaxed law as for the discrete one."""
    logits = torch.randn(4, 3, generator=torch.Generator().manual_seed(0)).double().requires_grad_()
    log_p = torch.randn(4, 3, generator=torch.Generator().manual_seed(1)).double().log_softmax(-1)
    p = Independent(OneHotCategorical(logits=log_p), 1)
    probs = logits.softmax(-1)
    exact = torch.stack([(probs[i] * (probs[i].log() - log_p[i])).sum() for i in range(4)]).sum()
    (exact_gradient,) = torch.autograd.grad(exact, logits)
    for distribution in (GumbelSoftmax(logits, 0.5, hard=False), OneHotCategorical(logits=logits)):
        value = kl.closed_form(Independent(distribution, 1), p)
        assert value is not None
        torch.testing.assert_close(value, exact)
        torch.testing.assert_close(torch.autograd.grad(value, logits)[0], exact_gradient)


def test_relaxed_samples_become_one_hot_as_the_temperature_falls() -> None:
    logits = double(0.2, -1.0, 0.7, 0.0)
    for temperature, furthest in ((1e-3, 0.02), (1e-5, 2e-4)):
        torch.manual_seed(0)
        y = GumbelSoftmax(logits, temperature, hard=False).rsample((20_000,))
        torch.testing.assert_close(y.sum(-1), torch.ones(20_000, dtype=torch.float64))
        assert (1 - y.amax(-1)).mean() < furthest
        parts.close(y, logits.softmax(-1))


def test_relaxed_gradient_tends_to_the_exact_one() -> None:
    """d/d logits E[a^T z], whose estimate has a bias that falls with the temperature."""
    a, logits = double(1.0, -2.0, 0.5), double(0.2, -0.4, 0.3).requires_grad_()
    (exact,) = torch.autograd.grad(logits.softmax(-1) @ a, logits)
    torch.manual_seed(0)
    many = logits.detach().expand(200_000, 3).clone().requires_grad_()
    y = GumbelSoftmax(many, 0.05, hard=False).rsample()
    (gradients,) = torch.autograd.grad((y @ a).sum(), many)
    parts.close(gradients, exact)


def test_hard_samples_are_one_hot_with_the_relaxed_gradient() -> None:
    logits = torch.randn(100, 4, dtype=torch.float64).requires_grad_()
    a = double(1.0, -2.0, 0.5, 3.0)
    outcomes = []
    for hard in (True, False):
        torch.manual_seed(0)
        y = GumbelSoftmax(logits, 0.5, hard=hard).rsample()
        outcomes.append((y, torch.autograd.grad((y @ a).sum(), logits)[0]))
    (one_hot, gradient), (relaxed, exact) = outcomes
    assert set(one_hot.unique().tolist()) == {0.0, 1.0}
    torch.testing.assert_close(one_hot.argmax(-1), relaxed.argmax(-1))
    torch.testing.assert_close(gradient, exact)


def discrete_model() -> VAE:
    """Two variables of three categories, in evaluation: nine latent states in all."""
    model, _ = parts.model_and_objective(*CATEGORICAL)
    assert isinstance(model, VAE)
    return model.double().eval()


def enumerated(model: VAE, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """log p(x | z), log q(z | x) and log p(z) at every latent state: (9, B) each."""
    z, _ = parts.grid_of_space("categorical", (2, 3))
    z = z.unsqueeze(1).expand(-1, len(x), -1, -1)  # (9, B, 2, 3)
    log_px = model.decode(z).log_prob(x)
    return log_px, model.encode(x).log_prob(z), model.prior(None).log_prob(z)


def test_evaluation_draws_one_hot_samples_with_their_probabilities() -> None:
    model = discrete_model()
    x = parts.images(model, 1, torch.float64)
    torch.manual_seed(0)
    z = model.trace(x, num_samples=50_000).latents[0].z[:, 0]  # (K, 2, 3)
    assert set(z.unique().tolist()) == {0.0, 1.0}
    assert (z.sum(-1) == 1).all()
    parts.close(z, model.encode(x).mean[0])
    relaxed = model.train().trace(x).latents[0].z
    assert len(relaxed.unique()) > 2


def test_discrete_elbo_by_enumeration() -> None:
    model = discrete_model()
    x = parts.images(model, 2, torch.float64)
    log_px, log_q, log_p = enumerated(model, x)
    exact = (log_q.exp() * (log_px + log_p - log_q)).sum(0)
    torch.manual_seed(0)
    with torch.no_grad():
        trace = model.trace(x, num_samples=20_000)
    parts.close(trace.log_px - trace.kl(), exact)
    parts.close(trace.log_w(), exact)
    torch.testing.assert_close(trace.kl()[0], (log_q.exp() * (log_q - log_p)).sum(0))


@pytest.mark.slow
def test_discrete_likelihood_by_enumeration() -> None:
    model = discrete_model()
    x = parts.images(model, 2, torch.float64)
    log_px, _, log_p = enumerated(model, x)
    exact = (log_px + log_p).logsumexp(0)
    torch.manual_seed(0)
    with torch.no_grad():
        weights = (model.trace(x, num_samples=50_000).log_w() - exact).exp()
        nll = validation_bounds.nll(model, x, num_samples=50_000)
    parts.close(weights, 1.0)
    error = weights.std(0) / 50_000**0.5  # of log mean w, to first order
    assert ((nll + exact).abs() <= 5 * error).all()


# A code without noise.


def test_delta_loss_is_the_distortion_of_the_code() -> None:
    model, objective = parts.model_and_objective("posterior=delta", "objective=autoencoder")
    x = parts.images(model, 4)
    loss = objective(model, x)
    assert isinstance(model, VAE)
    distortion = -model.likelihood(model.decoder(model.encoder(x))).log_prob(x)
    torch.testing.assert_close(loss.value, distortion.mean())
    assert loss.terms.keys() == {"distortion"}
    assert not [name for name in Distortion().test(model, x, nll_samples=3) if name != "distortion"]
    torch.testing.assert_close(Distortion().validate(model, x)["distortion"], distortion)


def test_a_bound_of_a_point_is_minus_infinity() -> None:
    """Whoever computes one all the same sees that there is none."""
    distribution = Delta(torch.zeros(2, 3))
    assert distribution.log_prob(distribution.mean).tolist() == [math.inf] * 2
    assert distribution.log_prob(distribution.mean + 1).tolist() == [-math.inf] * 2
    model, _ = parts.model_and_objective("posterior=delta")
    x = parts.images(model, 2)
    assert validation_bounds.plain_elbo(model, x)["elbo"].tolist() == [-math.inf] * 2
    assert validation_bounds.nll(model, x, num_samples=2).tolist() == [math.inf] * 2


def test_criterion_follows_the_posterior() -> None:
    delta, _ = parts.model_and_objective("posterior=delta")
    diagonal, _ = parts.model_and_objective()
    assert isinstance(criterion_of(delta), Distortion)
    assert isinstance(criterion_of(diagonal), PlainELBO)


def train(*overrides: str) -> str:
    """What `python -m vae_lab.train` prints."""
    command = [sys.executable, "-m", "vae_lab.train", *overrides]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    run = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert run.returncode == 0, run.stderr
    return run.stdout + run.stderr


@pytest.mark.slow
def test_an_autoencoder_trains_resumes_and_loads(tmp_path: Path) -> None:
    plan = ("data=digits", "posterior=delta", "objective=autoencoder", "data.batch_size=256")
    printed = train(*plan, "trainer.max_epochs=2", f"hydra.run.dir={tmp_path}")
    printed += train(f"resume={tmp_path}", "trainer.max_epochs=3")
    assert "val/distortion" in printed
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert {"test/distortion", "val/distortion"} <= metrics.keys()
    for absent in ("elbo", "rate", "nll", "bits"):
        assert not [key for key in metrics if absent in key], absent
        assert absent not in printed.lower().replace("generate", ""), absent
    assert [path.name for path in (tmp_path / "figures").glob("*")] == ["reconstructions.png"]

    trained = vae_lab.load(tmp_path)
    assert trained.reconstruct(torch.zeros(2, 1, 8, 8)).shape == (2, 1, 8, 8)
    with pytest.raises(UserError, match="no samples"):
        trained.sample(2)


# Pairs that contradict each other.

REFUSED = [
    (["posterior=spherical"], "choose prior=uniform_sphere"),
    (["posterior=gumbel_softmax"], "choose prior=uniform_categorical"),
    (["prior=uniform_sphere"], "posterior=spherical"),
    (["posterior=delta"], "choose objective=autoencoder"),
    (["objective=autoencoder"], "choose posterior=delta"),
    (["posterior=spherical", "prior=uniform_sphere", "latent_dim=1"], "latent_dim=2"),
]


def built(config: DictConfig) -> None:
    build.model(config, parts.IMAGE_SHAPE, torch.zeros(parts.IMAGE_SHAPE))
    build.objective(config, num_images=1, image_shape=parts.IMAGE_SHAPE)


@pytest.mark.parametrize(("overrides", "fix"), REFUSED)
def test_contradicting_parts_are_refused_with_the_fix(overrides: list[str], fix: str) -> None:
    config = composed(*overrides)
    with pytest.raises(UserError) as refusal:
        check(config)
    assert fix in str(refusal.value)
    assert "\n" not in str(refusal.value)
    with pytest.raises(UserError):
        built(config)


def test_categories_follow_the_posterior_unless_told_otherwise() -> None:
    config = composed("posterior=gumbel_softmax", "prior=uniform_categorical", "posterior.num_categories=4")
    assert config.prior.num_categories == 4
    config.prior.num_categories = 5
    with pytest.raises(UserError, match="same options"):
        built(config)
