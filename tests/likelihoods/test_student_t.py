"""The Student-t likelihood against scipy, in value and gradient."""

import numpy as np
import pytest
import scipy.stats
import torch
from torch import Tensor

from vae_lab.likelihoods.gaussian import GaussianShared
from vae_lab.likelihoods.student_t import StudentT

SHAPE = (2, 3, 4)


def pixels(seed: int) -> Tensor:
    return torch.rand(5, *SHAPE, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("df", [1.5, 5.0, 40.0])
@pytest.mark.parametrize("scale", [0.02, 1.0])
def test_agrees_with_scipy_in_value_and_gradient(df: float, scale: float) -> None:
    likelihood = StudentT(SHAPE, df, initial_scale=scale).double()
    mean, x = pixels(0).requires_grad_(), pixels(1)

    def expected(shift: float = 0.0, s: float = likelihood.scale.item()) -> np.ndarray:
        return scipy.stats.t(df, mean.detach().numpy() + shift, s).logpdf(x.numpy())

    log_px = likelihood(mean).log_prob(x)
    torch.testing.assert_close(log_px, torch.from_numpy(expected().sum((1, 2, 3))))
    at_mean, at_raw = torch.autograd.grad(log_px.sum(), [mean, likelihood.raw_scale])
    step = 1e-4 * scale
    by_differences = torch.from_numpy((expected(step) - expected(-step)) / (2 * step))
    torch.testing.assert_close(at_mean, by_differences, rtol=1e-5, atol=1e-4)
    s = likelihood.scale.item()
    at_scale = (expected(s=s + step).sum() - expected(s=s - step).sum()) / (2 * step)
    slope = likelihood.raw_scale.detach().sigmoid().item()  # ds / d raw
    assert at_raw.item() == pytest.approx(slope * at_scale, rel=1e-5)


def test_with_many_degrees_of_freedom_it_is_normal() -> None:
    mean, x = pixels(0), pixels(1)
    normal = GaussianShared(SHAPE, initial_scale=0.3).double()(mean).log_prob(x)
    torch.testing.assert_close(StudentT(SHAPE, 1e8, initial_scale=0.3).double()(mean).log_prob(x), normal)


def test_an_outlier_costs_less_than_under_a_normal_distribution() -> None:
    mean, x = torch.zeros(SHAPE), torch.zeros(SHAPE)
    x[0, 0, 0] = 100.0
    costs = [
        (likelihood(mean).log_prob(mean) - likelihood(mean).log_prob(x)).item()
        for likelihood in (StudentT(SHAPE), GaussianShared(SHAPE))
    ]
    assert costs[0] == pytest.approx(3 * np.log1p(100**2 / 5), rel=1e-4)
    assert costs[1] == pytest.approx(100**2 / 2, rel=1e-4)


def test_a_start_below_the_smallest_scale_is_refused() -> None:
    with pytest.raises(ValueError, match=r"initial_scale=0.001 must be above min_scale=0.01"):
        StudentT(SHAPE, initial_scale=1e-3, min_scale=1e-2)
