"""Adversarial objectives: whose gradient is whose, the density ratio, and what a discriminator sees."""

import math
from collections.abc import Callable, Iterable
from typing import NamedTuple

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

import parts
from conftest import composed
from vae_lab.configuration.check import check
from vae_lab.errors import UserError
from vae_lab.likelihoods.gaussian import Gaussian
from vae_lab.maths import adversarial
from vae_lab.models.latent_model import LatentModel
from vae_lab.models.vae import VAE
from vae_lab.objectives.adversarial_autoencoder import AdversarialAutoencoder
from vae_lab.objectives.aggregate import prior_samples
from vae_lab.objectives.elbo import ELBO
from vae_lab.objectives.factor import FactorVAE
from vae_lab.objectives.gan import GAN
from vae_lab.objectives.objective import Objective
from vae_lab.objectives.vae_gan import VAEGAN
from vae_lab.posteriors.normal import DiagonalNormal
from vae_lab.priors.standard_normal import StandardNormal


class Share(NamedTuple):
    """What some parameters should learn from, written without detaching anything."""

    parameters: Iterable[nn.Parameter]
    loss: Tensor


def told_apart(real: Tensor, *others: Tensor) -> Tensor:
    """-E[log D(real)] - sum E[log(1 - D(other))], from logits."""
    return softplus(-real).mean() + sum(softplus(logits).mean() for logits in others)


def steepness(discriminator: nn.Module, x: Tensor) -> Tensor:
    """E[|d logit / dx|^2], half of it weighted by 2."""
    x = x.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(discriminator(x).sum(), x, create_graph=True)
    return gradient.flatten(1).square().sum(-1).mean()


def shares_of_factor(model: VAE, objective: FactorVAE, x: Tensor) -> list[Share]:
    trace, discriminator = model.trace(x), objective.discriminator
    z = trace.latents[0].z[0]
    of_model = -trace.log_px.mean() + trace.kl().mean() + 3.0 * discriminator(z).mean()
    permuted = adversarial.permute_dimensions(z)
    return [
        Share(model.parameters(), of_model),
        Share(objective.parameters(), told_apart(discriminator(z), discriminator(permuted))),
    ]


def shares_of_adversarial_autoencoder(model: VAE, objective: AdversarialAutoencoder, x: Tensor) -> list[Share]:
    trace, discriminator = model.trace(x), objective.discriminator
    z = trace.latents[0].z[0]
    of_model = -trace.log_px.mean() + 3.0 * softplus(-discriminator(z)).mean()
    z_p = prior_samples(trace.latents[0].p, len(x))
    return [
        Share(model.parameters(), of_model),
        Share(objective.parameters(), told_apart(discriminator(z_p), discriminator(z)) + steepness(discriminator, z_p)),
    ]


def shares_of_gan(model: LatentModel, objective: GAN, x: Tensor) -> list[Share]:
    generated, discriminator = model.sample_joint(len(x)).p.mean, objective.discriminator
    return [
        Share(model.parameters(), softplus(-discriminator(generated)).mean()),
        Share(
            objective.parameters(), told_apart(discriminator(x), discriminator(generated)) + steepness(discriminator, x)
        ),
    ]


def shares_of_vae_gan(model: VAE, objective: VAEGAN, x: Tensor) -> list[Share]:
    trace, discriminator = model.trace(x), objective.discriminator
    z = trace.latents[0].z[0]
    difference = discriminator.features(model.decode(z).mean) - discriminator.features(x)
    error = difference.square().sum(-1).mean() / 2
    reconstructed, generated = model.decode(z).mean, model.sample_joint(len(x)).p.mean
    fooling = softplus(-discriminator(reconstructed)).mean() + softplus(-discriminator(generated)).mean()
    logits = [discriminator(images) for images in (x, reconstructed, generated)]
    return [
        Share(model.encoder.parameters(), trace.kl().mean() + error),
        Share(model.decoder.parameters(), 3.0 * error + fooling),
        Share(objective.parameters(), told_apart(*logits) + steepness(discriminator, x)),
    ]


CASES: dict[str, tuple[Callable[[], Objective], Callable[..., list[Share]]]] = {
    "factor": (lambda: FactorVAE(3, 3.0, [8]), shares_of_factor),
    "adversarial_autoencoder": (lambda: AdversarialAutoencoder(3, 3.0, 2.0, [8]), shares_of_adversarial_autoencoder),
    "gan": (lambda: GAN(parts.IMAGE_SHAPE, 2.0, [4]), shares_of_gan),
    "vae_gan": (lambda: VAEGAN(parts.IMAGE_SHAPE, 3.0, 2.0, [4]), shares_of_vae_gan),
}


@pytest.mark.parametrize("name", CASES)
def test_every_part_learns_from_its_own_loss_alone(name: str) -> None:
    torch.manual_seed(1)
    make, shares_of = CASES[name]
    model, _ = parts.model_and_objective(f"objective={name}")
    model, objective, x = model.double(), make().double(), parts.images(model, 6, torch.float64)
    _, gradients = parts.loss_and_gradients(model, objective, x)
    learned = {parameter: gradients[name] for name, parameter in model.named_parameters()}
    learned |= {parameter: gradients[f"objective.{name}"] for name, parameter in objective.named_parameters()}
    torch.manual_seed(0)
    for parameters, loss in shares_of(model, objective, x):
        those = [*parameters]
        for parameter, gradient in zip(those, torch.autograd.grad(loss, those, retain_graph=True), strict=True):
            torch.testing.assert_close(learned.pop(parameter), gradient)
    assert not learned, "a parameter of no share"


@pytest.mark.parametrize("name", CASES)
def test_what_is_logged_adds_up_to_the_loss(name: str) -> None:
    torch.manual_seed(1)
    model, _ = parts.model_and_objective(f"objective={name}")
    loss, _ = parts.loss_and_gradients(model, CASES[name][0](), parts.images(model, 6))
    weights = {
        "factor": {"distortion": 1, "rate": 1, "total_correlation": 3, "discriminator_loss": 1},
        "adversarial_autoencoder": {"distortion": 1, "encoder_loss": 3, "discriminator_loss": 1, "gradient_penalty": 2},
        "gan": {"generator_loss": 1, "discriminator_loss": 1, "gradient_penalty": 2},
        "vae_gan": {
            "rate": 1,
            "feature_distortion": 3,
            "generator_loss": 1,
            "discriminator_loss": 1,
            "gradient_penalty": 2,
        },
    }[name]
    torch.testing.assert_close(sum(weight * loss.terms[term] for term, weight in weights.items()), loss.value.detach())
    assert not any(term.requires_grad for term in loss.terms.values())


def test_without_its_weight_factor_is_the_elbo() -> None:
    model, _ = parts.model_and_objective()
    model, x = model.double(), parts.images(model, 6, torch.float64)
    loss, gradients = parts.loss_and_gradients(model, FactorVAE(3, 0.0, [8]).double(), x)
    gradients = {name: gradient for name, gradient in gradients.items() if not name.startswith("objective")}
    expected, exact_gradients = parts.loss_and_gradients(model, ELBO(), x)
    torch.testing.assert_close(loss.value - loss.terms["discriminator_loss"], expected.value)
    torch.testing.assert_close(gradients, exact_gradients)
    torch.testing.assert_close(loss.terms["elbo"], expected.terms["elbo"])


def test_permuting_keeps_each_dimension_and_makes_them_independent() -> None:
    torch.manual_seed(0)
    z = torch.arange(500.0).unsqueeze(1) + torch.tensor([0.0, 1e4, 2e4])  # dimensions that cannot be mistaken
    permuted = adversarial.permute_dimensions(z)
    torch.testing.assert_close(permuted.sort(0).values, z, rtol=0, atol=0)
    ranks = permuted - torch.tensor([0.0, 1e4, 2e4])
    correlations = torch.corrcoef(ranks.T)[*torch.triu_indices(3, 3, 1)]
    assert correlations.abs().max() < 5 / 500**0.5


class Spread(nn.Module):
    """An encoder of images of two pixels: q(z | x) = N(x, 0.3^2 I)."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x.flatten(1), torch.full_like(x.flatten(1), 2 * math.log(0.3))], -1)


class LogRatio(nn.Module):
    """The optimal discriminator of N(0, [[1, r], [r, 1]]) and its marginals: log q(z) - sum_d log q(z_d)."""

    def __init__(self, correlation: float) -> None:
        super().__init__()
        self.correlation = correlation

    def forward(self, z: Tensor) -> Tensor:
        r, square = self.correlation, z.square().sum(-1)
        quadratic = (square - 2 * r * z.prod(-1)) / (1 - r**2)
        return -0.5 * (math.log(1 - r**2) + quadratic - square)


def correlated_images(correlation: float, num: int) -> Tensor:
    """Images whose codes under `Spread` have unit variance and the given correlation."""
    covariance = torch.tensor([[1, correlation], [correlation, 1]]).double() - 0.3**2 * torch.eye(2).double()
    pixels = torch.randn(num, 2, dtype=torch.float64) @ torch.linalg.cholesky(covariance).T
    return pixels.reshape(num, 1, 1, 2)


def total_correlations(objective: FactorVAE, correlation: float, num_batches: int) -> Tensor:
    """The estimates of some batches of 500."""
    decoder = nn.Unflatten(-1, (1, 1, 2))
    model = VAE(Spread(), DiagonalNormal(2), StandardNormal(2), decoder, Gaussian((1, 1, 2))).double()
    batches = (correlated_images(correlation, 500) for _ in range(num_batches))
    return torch.stack([objective(model, x).terms["total_correlation"] for x in batches])


def test_total_correlation_by_the_optimal_discriminator_is_exact() -> None:
    torch.manual_seed(0)
    correlation = 0.8
    objective = FactorVAE(2, 1.0, [8])
    objective.discriminator = LogRatio(correlation)  # type: ignore[assignment]
    parts.close(total_correlations(objective, correlation, 100), -0.5 * math.log(1 - correlation**2))


@pytest.mark.parametrize("correlation", [0.0, 0.8])
def test_total_correlation_by_a_trained_discriminator_comes_near(correlation: float) -> None:
    """From permuted samples alone, within 0.08 nats of 0 and of 0.511."""
    torch.manual_seed(0)
    objective = FactorVAE(2, 1.0, [32, 32]).double()
    optimizer = torch.optim.Adam(objective.parameters(), lr=5e-3)
    for _ in range(400):
        z = correlated_images(correlation, 500).flatten(1)
        z = z + 0.3 * torch.randn_like(z)
        discriminator, permuted = objective.discriminator, adversarial.permute_dimensions(z)
        loss = adversarial.discriminator_loss(discriminator(z), discriminator(permuted))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    estimate = total_correlations(objective, correlation, 40).mean().item()
    assert estimate == pytest.approx(-0.5 * math.log(1 - correlation**2), abs=0.08)


def test_losses_by_hand() -> None:
    logits = torch.tensor([0.0, math.log(3)]).double()  # D = 1/2, 3/4
    real, others = -(math.log(1 / 2) + math.log(3 / 4)) / 2, -(math.log(1 / 2) + math.log(1 / 4)) / 2
    assert adversarial.discriminator_loss(logits, logits, logits).item() == pytest.approx(real + 2 * others)
    assert adversarial.non_saturating_loss(logits).item() == pytest.approx(real)


REFUSED = [
    (["objective=gan", "posterior=iaf"], "posterior=iaf", "leave out posterior"),
    (["objective=gan", "posterior=spherical", "prior=uniform_sphere"], "posterior=spherical", "leave out posterior"),
    (["objective=gan", "prior=mixture"], "prior=mixture", "prior=standard_normal"),
    (["objective=gan", "condition=label"], "condition=label", "objective=vae_gan"),
    (["objective=gan", "corruption=masking"], "corruption", "corruption=none"),
    (["objective=gan", "model=two_layer"], "model=two_layer", "model=mlp"),
    (["objective=vae_gan", "model=ladder"], "model=ladder", "model=mlp"),
    (["objective=gan", "likelihood=gaussian_shared"], "likelihood=gaussian_shared", "likelihood=bernoulli"),
    (["objective=vae_gan", "likelihood=laplace"], "likelihood=laplace", "likelihood=bernoulli"),
    (["objective=vae_gan", "posterior=delta"], "posterior=delta", "objective=autoencoder"),
    (["objective=factor", "posterior=spherical", "prior=uniform_sphere"], "posterior=spherical", "posterior=diagonal"),
    (["objective=factor", "data.batch_size=1"], "data.batch_size=1", "data.batch_size=128"),
    (["objective=adversarial_autoencoder", "prior=flow"], "prior=flow", "prior=standard_normal"),
    (["objective=adversarial_autoencoder", "model=two_layer"], "model=two_layer", "model=mlp"),
    (["objective=rae_l2"], "objective=rae_l2", "posterior=delta"),
]


@pytest.mark.parametrize(("overrides", "named", "fix"), REFUSED)
def test_what_does_not_fit_is_refused_with_the_fix(overrides: list[str], named: str, fix: str) -> None:
    with pytest.raises(UserError) as refusal:
        check(composed(*overrides))
    assert str(refusal.value).startswith(named)
    assert fix in str(refusal.value)
    assert "\n" not in str(refusal.value)
