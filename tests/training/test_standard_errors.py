"""The standard errors of test metrics are those of their values over images."""

import pytest
import torch

from vae_lab.training.running_averages import RunningAverages
from vae_lab.training.standard_errors import standard_errors, with_squares, without_squares


@pytest.mark.parametrize("mean", [0.0, -95.0, 1e6])
def test_the_error_is_that_of_the_mean_over_images_in_any_batches(mean: float) -> None:
    values = mean + 25 * torch.randn(1000, generator=torch.Generator().manual_seed(0))
    averages = RunningAverages()
    for part in values.split(300):
        averages.add(with_squares({"nll": part, "rate": part.square()}), len(part))
    metrics, variances = without_squares(averages.pop(lambda totals: totals))
    assert metrics.keys() == {"nll", "rate"}
    found = standard_errors(variances, len(values))["standard_error/test/nll"]
    assert found == pytest.approx(values.double().std().item() / 1000**0.5, rel=1e-3)


def test_one_image_has_no_standard_error() -> None:
    assert standard_errors({"nll": 0.0}, 1) == {}
