"""Dequantised pixels, and the bits per dimension of laws on either kind of pixels."""

import math
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor

from helpers import parts
from helpers.composed import composed
from vae_lab import build
from vae_lab.data.batches import Batch, dequantize
from vae_lab.data.module import ImageData
from vae_lab.evaluation.validation_bounds import bits_per_dim
from vae_lab.seeding import RngStream, generator


def digits(*overrides: str, epoch: int = 0, rank: int = 0, world_size: int = 1) -> ImageData:
    """The digits, as a trainer would have them in an epoch."""
    data = build.data(composed("data=digits", "likelihood=beta", *overrides))
    place = SimpleNamespace(root_device=torch.device("cpu"))
    data.trainer = SimpleNamespace(  # type: ignore[assignment]
        strategy=place, global_rank=rank, world_size=world_size, current_epoch=epoch
    )
    return data


def images(batches: object) -> Tensor:
    return torch.cat([batch.x for batch in batches])  # type: ignore[attr-defined]


def test_every_level_is_spread_evenly_over_its_cell() -> None:
    levels = torch.arange(256, dtype=torch.uint8).repeat(20_000, 1)
    x = dequantize(levels, generator("cpu", 0, RngStream.PIXELS))
    assert x.dtype == torch.float32
    assert x.min() >= 0
    assert x.max() < 1
    u = x.double() * 256 - levels
    assert u.min() >= 0
    assert u.max() <= 1
    parts.close(u, 0.5)
    parts.close((u - 0.5).square(), 1 / 12)
    assert dequantize(torch.full((1_000_000,), 255, dtype=torch.uint8), torch.Generator().manual_seed(0)).max() < 1


def test_the_test_images_are_the_same_in_batches_of_any_size_and_number_of_processes() -> None:
    whole = images(digits("data.batch_size=128").test_dataloader())
    assert torch.equal(whole, images(digits("data.batch_size=7", "seed=1").test_dataloader()))
    shares = [images(digits(rank=rank, world_size=2).test_dataloader()) for rank in (0, 1)]
    assert torch.equal(whole[0::2], shares[0])
    assert torch.equal(whole[1::2], shares[1])
    levels = digits("data.dequantize=none").test.images
    assert torch.equal((whole * 256).floor().to(torch.uint8), levels)
    assert not torch.equal(whole[:297] % (1 / 256), digits().val.images % (1 / 256))


def test_training_images_are_drawn_afresh_in_every_epoch_and_batch() -> None:
    def epoch(number: int) -> dict[bytes, Tensor]:
        """The dequantised images by their levels."""
        x = images(digits(epoch=number).train_dataloader())
        return {(image * 256).floor().numpy().tobytes(): image for image in x}

    first, second, again = epoch(0), epoch(1), epoch(0)
    both = first.keys() & second.keys()
    assert len(both) > 900
    assert not any(torch.equal(first[image], second[image]) for image in both)
    assert all(torch.equal(first[image], again[image]) for image in first)
    batches = [batch.x for batch in digits().train_dataloader()]
    assert not torch.equal(batches[0] % (1 / 256), batches[1] % (1 / 256))


@pytest.mark.parametrize("choice", ["uniform", "none"])
def test_pixel_means_are_those_of_the_treated_images(choice: str) -> None:
    data = digits(f"data.dequantize={choice}")
    x = data.train.images.float() / 255
    if choice == "uniform":
        x = dequantize(data.train.images.repeat(20, 1, 1, 1), generator("cpu", 0, RngStream.PIXELS))
    # 24,000 pixels whose noise has the standard deviation 1 / (256 sqrt 12)
    torch.testing.assert_close(data.pixel_mean(), x.mean(0), rtol=0, atol=6 / (256 * 12**0.5 * 24_000**0.5))


def test_a_uniform_law_of_levels_costs_eight_bits_either_way() -> None:
    data = digits("data.dequantize=none")
    levels: Batch = next(iter(data.test_dataloader()))
    shape = parts.IMAGE_SHAPE
    num_dims = math.prod(shape)

    categorical = parts.likelihood("categorical", shape)
    nats = -categorical(torch.zeros(categorical.param_shape)).log_prob(levels.x)
    assert bits_per_dim(nats.mean().item(), num_dims) == pytest.approx(8, abs=1e-5)

    spread: Batch = next(iter(digits().test_dataloader()))
    for name, params in (("continuous_bernoulli", torch.zeros(shape)), ("beta", torch.full((2, 8, 8), -1e9))):
        nats = -parts.likelihood(name, shape)(params).log_prob(spread.x)
        assert bits_per_dim(nats.mean().item(), num_dims, dequantized=True) == pytest.approx(8, abs=1e-5)


def test_bits_of_dequantised_pixels_bound_the_code_length_of_their_levels() -> None:
    """The law of levels that a density implies, by quadrature over every cell, is never worse than the bound."""
    distribution = parts.likelihood("beta", (1, 1, 1)).double()(
        torch.tensor([2.0, 4.0], dtype=torch.float64).reshape(2, 1, 1)
    )
    num_points = 100
    points = (torch.arange(256 * num_points, dtype=torch.float64) + 0.5) / (256 * num_points)
    log_p = distribution.log_prob(points.reshape(-1, 1, 1, 1)).reshape(256, num_points)
    code_length = -(log_p.exp().mean(1) / 256).log() / math.log(2)  # of each level
    bounds = [bits_per_dim(nats, 1, dequantized=True) for nats in (-log_p.mean(1)).tolist()]
    bound = torch.tensor(bounds, dtype=torch.float64)
    assert (bound >= code_length - 1e-9).all()
    assert (bound[64:192] - code_length[64:192]).max() < 1e-3  # nearly tight where the density is flat in a cell


@pytest.mark.slow
def test_likelihoods_that_could_concentrate_are_dequantised() -> None:
    choices = {name: build.data(composed("data=digits", f"likelihood={name}")) for name in parts.names("likelihood")}
    chosen = {name for name, data in choices.items() if data.dequantization == "uniform"}
    distributions_of_given_spread = {
        "squared_error",
        "gaussian",
        "bernoulli",
        "discretized_logistic",
        "discretized_logistic_mixture",
        "categorical",
    }
    assert chosen == choices.keys() - distributions_of_given_spread
