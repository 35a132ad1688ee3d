"""Adversarial objectives: whose gradient is whose, losses by hand, and what is refused."""

import math
from collections.abc import Callable, Iterable
from typing import NamedTuple

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from helpers import parts
from helpers.composed import composed
from vae_lab.configuration.check import check
from vae_lab.errors import UserError
from vae_lab.maths import adversarial
from vae_lab.models.latent_model import LatentModel
from vae_lab.models.vae import VAE
from vae_lab.objectives.adversarial_autoencoder import AdversarialAutoencoder
from vae_lab.objectives.aggregate import prior_samples
from vae_lab.objectives.factor import FactorVAE
from vae_lab.objectives.gan import GAN
from vae_lab.objectives.objective import Objective
from vae_lab.objectives.vae_gan import VAEGAN


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


def test_losses_by_hand() -> None:
    logits = torch.tensor([0.0, math.log(3)]).double()  # D = 1/2, 3/4
    real, others = -(math.log(1 / 2) + math.log(3 / 4)) / 2, -(math.log(1 / 2) + math.log(1 / 4)) / 2
    assert adversarial.discriminator_loss(logits, logits, logits).item() == pytest.approx(real + 2 * others)
    assert adversarial.non_saturating_loss(logits).item() == pytest.approx(real)


REFUSED = [
    (["objective=gan", "posterior=iaf"], "posterior=iaf", "posterior=diagonal"),
    (["objective=gan", "posterior=spherical", "prior=uniform_sphere"], "posterior=spherical", "posterior=diagonal"),
    (["objective=gan", "prior=mixture"], "prior=mixture", "prior=standard_normal"),
    (["objective=gan", "condition=label"], "condition=label", "set condition=null"),
    (["objective=gan", "corruption=masking"], "corruption=masking", "corruption=none"),
    (["objective=gan", "model=two_layer"], "model=two_layer", "model=mlp"),
    (["objective=vae_gan", "model=ladder"], "model=ladder", "model=mlp"),
    (["objective=gan", "likelihood=gaussian_shared"], "likelihood=gaussian_shared", "likelihood=bernoulli"),
    (["objective=vae_gan", "likelihood=laplace"], "likelihood=laplace", "likelihood=bernoulli"),
    (["objective=vae_gan", "posterior=delta"], "posterior=delta", "or objective="),
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
