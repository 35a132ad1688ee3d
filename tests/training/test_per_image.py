"""Variational parameters of each image by itself, on a model whose best ones have a closed form."""

import pytest
import torch

from helpers import parts
from helpers.exact import LinearGaussian
from helpers.measuring import agrees
from vae_lab.evaluation.measure import Images, over_images
from vae_lab.training.per_image import PerImage

NUM_IMAGES = 60


def test_each_image_finds_its_best_normal_from_the_prior_on() -> None:
    """Whatever the encoder says: what it loses is its divergence from the posterior, less that of the best normal."""
    case = LinearGaussian(angle=0.8, shift=0.4, growth=1.6)
    x = case.images(NUM_IMAGES)
    images = Images(x, torch.zeros(NUM_IMAGES, dtype=torch.long), None)
    callback = PerImage(num_steps=300)
    found = callback.compare(case.model(), images, seed=0, position=0)
    assert list(found.per_image) == [1, 2, 5, 10, 20, 50, 100, 200, 300]
    encoder, best = found.encoder, found.per_image[300]
    parts.close(encoder + case.nll(x) + case.gap(), 0.0)
    agrees(over_images(best + case.nll(x), ""), -case.approximation_gap(), slack=0.005)  # Adam is not quite there
    agrees(over_images(best - encoder, ""), case.gap() - case.approximation_gap(), slack=0.005)
    means = [values.mean() for values in found.per_image.values()]
    assert means[0] < encoder.mean() < means[-1]
    told = callback.comparison_as_json(found)
    assert told["gain"]["value"] == pytest.approx(told["elbo_per_image"]["value"] - told["elbo_encoder"]["value"])  # type: ignore[index]
    assert told["seconds_per_image"]["per_image"] > told["seconds_per_image"]["encoder"] > 0  # type: ignore[index]


def test_training_images_are_told_from_new_ones_and_every_run_alike() -> None:
    case = LinearGaussian(angle=0.8)
    images = Images(case.images(20), torch.zeros(20, dtype=torch.long), None)
    first, again, other = (PerImage(num_steps=3).compare(case.model(), images, 0, number) for number in (0, 0, 1))
    torch.testing.assert_close(again.per_image, first.per_image, rtol=0, atol=0)
    assert not torch.equal(other.per_image[3], first.per_image[3])
