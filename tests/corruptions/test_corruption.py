"""Corruptions: their statistics, where they act, and that the target stays clean."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from helpers import parts
from helpers.composed import composed
from vae_lab import build
from vae_lab.corruptions.corruption import Corruption
from vae_lab.corruptions.draws import NoiseOfImage
from vae_lab.corruptions.noise import GaussianNoise, Masking, SaltAndPepper
from vae_lab.evaluation import validation_bounds
from vae_lab.seeding import RngStream, reseed

NAMES = [name for name in parts.names("corruption") if name != "none"]


def corruption(name: str, *overrides: str) -> Corruption:
    return build.part(composed(f"corruption={name}", *overrides), "corruption", Corruption)


def part_where(condition: Tensor, expected: float) -> None:
    """Assert that a condition holds independently with the given probability, within five standard errors."""
    error = math.sqrt(expected * (1 - expected) / condition.numel())
    assert abs(condition.double().mean().item() - expected) < 5 * error


@pytest.fixture
def grey() -> Tensor:
    """Images strictly between 0 and 1, so that a replaced value shows."""
    torch.manual_seed(0)
    return torch.rand(200, 3, 20, 10, dtype=torch.float64) * 0.8 + 0.1


def test_gaussian_noise_is_normal(grey: Tensor) -> None:
    noise = (GaussianNoise(0.3)(grey) - grey) / 0.3
    parts.close(noise.flatten(), 0.0)
    parts.close(noise.flatten().square(), 1.0)
    parts.close(noise.flatten().pow(4), 3.0)
    parts.close((noise[:, :, 1:] * noise[:, :, :-1]).flatten(), 0.0)


def test_masking_puts_a_fraction_to_zero(grey: Tensor) -> None:
    masked = Masking(0.2)(grey)
    hit = masked != grey
    assert (masked[hit] == 0).all()
    part_where(hit, 0.2)
    part_where(hit[:, 0] & hit[:, 1], 0.04)  # channels, and neighbours, independently
    part_where(hit[:, :, 1:] & hit[:, :, :-1], 0.04)


def test_salt_and_pepper_are_equally_likely(grey: Tensor) -> None:
    spoiled = SaltAndPepper(0.3)(grey)
    hit = spoiled != grey
    part_where(hit, 0.3)
    part_where(spoiled == 1, 0.15)
    part_where(spoiled == 0, 0.15)
    assert ((spoiled == 0) | (spoiled == 1) == hit).all()


@pytest.mark.parametrize("name", NAMES)
def test_noise_is_fresh_and_comes_from_the_seeded_generators(name: str, grey: Tensor) -> None:
    corrupt = corruption(name)
    before = grey.clone()
    reseed(torch.device("cpu"), 0, RngStream.TRAIN, 0, 0, 0)
    first, second = corrupt(grey), corrupt(grey)
    assert not torch.equal(first, second)
    reseed(torch.device("cpu"), 0, RngStream.TRAIN, 0, 0, 0)
    torch.testing.assert_close(corrupt(grey), first, rtol=0, atol=0)
    reseed(torch.device("cpu"), 0, RngStream.TRAIN, 0, 0, 1)
    assert not torch.equal(corrupt(grey), first)
    torch.testing.assert_close(grey, before, rtol=0, atol=0)


@pytest.mark.parametrize("name", NAMES)
def test_in_evaluation_an_image_has_one_corrupted_version(name: str, grey: Tensor) -> None:
    """Whatever was drawn before, and in any batch; over images it is distributed as in training."""
    corrupt = corruption(name, "corruption.when=always").eval()
    first = corrupt(grey)
    torch.manual_seed(1)
    torch.testing.assert_close(corrupt(grey), first, rtol=0, atol=0)
    torch.testing.assert_close(corrupt(grey[7:9]), first[7:9], rtol=0, atol=0)
    torch.testing.assert_close(corrupt(grey.expand(2, *grey.shape))[1], first, rtol=0, atol=0)
    fresh = corrupt.train()(grey) - grey
    parts.close((first - grey).flatten() - fresh.flatten(), 0.0)
    parts.close((first - grey).flatten().square() - fresh.flatten().square(), 0.0)


def test_noise_of_an_image_is_uniform_and_normal(grey: Tensor) -> None:
    u, z = NoiseOfImage().uniform(grey), NoiseOfImage().normal(grey)
    parts.close(u.flatten(), 0.5)
    parts.close((u.flatten() - 0.5).square(), 1 / 12)
    parts.close(((u - 0.5)[..., 1:] * (u - 0.5)[..., :-1]).flatten(), 0.0)
    parts.close(((u - 0.5)[1:] * (u - 0.5)[:-1]).flatten(), 0.0)
    other = grey.clone()
    other[:, 0, 0, 0] += 1 / 255  # an image that differs by one level has other noise
    parts.close(((u - 0.5) * (NoiseOfImage().uniform(other) - 0.5)).flatten(), 0.0)
    parts.close(z.flatten(), 0.0)
    parts.close(z.flatten().square(), 1.0)
    parts.close(z.flatten().pow(4), 3.0)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("shape", [(1, 7, 5), (4, 3, 8, 8), (2, 3, 1, 8, 8)])
def test_shape_and_type_stay(name: str, shape: tuple[int, ...]) -> None:
    for dtype in (torch.float32, torch.float64):
        spoiled = corruption(name)(torch.rand(shape, dtype=dtype))
        assert spoiled.shape == shape
        assert spoiled.dtype == dtype


@pytest.mark.parametrize("name", NAMES)
def test_when_it_acts(name: str, grey: Tensor) -> None:
    training, always = corruption(name).eval(), corruption(name, "corruption.when=always").eval()
    assert torch.equal(training(grey), grey)
    assert not torch.equal(always(grey), grey)


@pytest.mark.parametrize("name", NAMES)
def test_the_encoder_sees_noise_and_the_likelihood_the_clean_image(name: str) -> None:
    model, _ = parts.model_and_objective(f"corruption={name}")
    x = parts.images(model, 5)
    scored: list[Tensor] = []
    encoded: list[Tensor] = []
    record(model.encoder.encoder, encoded)  # type: ignore[union-attr, arg-type]
    likelihood = model.likelihood.forward  # type: ignore[union-attr]

    def scoring(c: Tensor) -> object:
        distribution = likelihood(c)
        log_prob: Callable[[Tensor], Tensor] = distribution.log_prob
        distribution.log_prob = lambda value: scored.append(value) or log_prob(value)  # type: ignore[func-returns-value]
        return distribution

    model.likelihood.forward = scoring  # type: ignore[union-attr, method-assign, assignment]
    model.trace(x, num_samples=3)
    assert len(encoded) == len(scored) == 1
    assert torch.equal(scored[0], x)
    assert encoded[0].shape == x.shape
    assert not torch.equal(encoded[0], x)


def record(module: nn.Module, seen: list[Tensor]) -> None:
    """Note what a module is called on."""
    module.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_evaluation_is_that_of_the_plain_model(name: str) -> None:
    """With when=training the figures of validation are those of the same weights without a corruption."""
    denoising, _ = parts.model_and_objective(f"corruption={name}")
    plain, _ = parts.model_and_objective()
    x = parts.images(plain, 5)
    figures = []
    for model in (denoising.eval(), plain.eval()):
        torch.manual_seed(0)
        figures.append(validation_bounds.plain_elbo(model, x))
    torch.testing.assert_close(figures[0], figures[1], rtol=0, atol=0)


def test_corrupted_bound_is_below_the_log_likelihood() -> None:
    """Scored on the clean image, the bound stays one whatever the encoder saw."""
    model, _ = parts.model_and_objective("corruption=gaussian_noise", "corruption.when=always", "corruption.sigma=5")
    model = model.double().eval()
    x = parts.images(model, 2, torch.float64)
    torch.manual_seed(0)
    with torch.no_grad():
        elbo = torch.stack([validation_bounds.plain_elbo(model, x)["elbo"] for _ in range(500)])
        log_px = -validation_bounds.nll(model, x, num_samples=20_000)
    assert (elbo.mean(0) < log_px).all()
