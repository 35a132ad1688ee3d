"""Divergences of samples and batches against laws whose divergence is known."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.distributions import Normal

from helpers import parts
from vae_lab.maths import divergences
from vae_lab.priors.label_normal import LabelNormal


def expected_rbf(squared_shift: float, variance: float, dim: int, bandwidth: float) -> float:
    """E exp(-|d|^2 / C) for d ~ N(m, variance I)."""
    width = bandwidth + 2 * variance
    return (bandwidth / width) ** (dim / 2) * math.exp(-squared_shift / width)


def draws(num: int, size: int, dim: int, shift: float, scale: float) -> tuple[Tensor, Tensor]:
    """Batches of N(0, I) and of N(shift, scale^2 I), of shape (num, size, dim) each."""
    x = torch.randn(num, size, dim, dtype=torch.float64)
    return x, shift + scale * torch.randn(num, size + 3, dim, dtype=torch.float64)


@pytest.mark.parametrize(("shift", "scale"), [(0.0, 1.0), (0.7, 1.0), (0.3, 0.5)])
def test_rbf_mmd_of_two_normals_is_unbiased(shift: float, scale: float) -> None:
    torch.manual_seed(0)
    dim, bandwidth = 3, 6.0
    x, y = draws(3000, 8, dim, shift, scale)
    estimates = torch.stack([divergences.mmd(a, b, divergences.rbf, bandwidth) for a, b in zip(x, y, strict=True)])
    within_x = expected_rbf(0, 2, dim, bandwidth)
    within_y = expected_rbf(0, 2 * scale**2, dim, bandwidth)
    between = expected_rbf(dim * shift**2, 1 + scale**2, dim, bandwidth)
    parts.close(estimates, within_x + within_y - 2 * between)


def test_inverse_multiquadric_mmd_of_equal_laws_has_mean_zero_and_of_others_not() -> None:
    torch.manual_seed(0)
    for shift in (0.0, 1.0):
        x, y = draws(2000, 6, 2, shift, 1.0)
        pairs = zip(x, y, strict=True)
        estimates = torch.stack([divergences.mmd(a, b, divergences.inverse_multiquadric, 4.0) for a, b in pairs])
        if shift:
            assert estimates.mean() > 10 * estimates.std() / 2000**0.5
        else:
            parts.close(estimates, 0.0)


def test_mmd_by_hand() -> None:
    x, y = torch.tensor([[0.0], [1.0]]).double(), torch.tensor([[0.0], [2.0]]).double()
    # k = 2 / (2 + d^2): within x 2/3, within y 1/3, between the mean of k at 0, 2, 1, 1.
    value = divergences.mmd(x, y, divergences.inverse_multiquadric, 2.0)
    assert value.item() == pytest.approx(2 / 3 + 1 / 3 - 2 * (1 + 1 / 3 + 2 / 3 + 2 / 3) / 4)


def test_mmd_of_a_single_sample_is_refused() -> None:
    with pytest.raises(ValueError, match="at least two samples"):
        divergences.mmd(torch.zeros(1, 2), torch.zeros(3, 2), divergences.rbf, 1.0)


def test_sliced_wasserstein_on_a_line_is_the_exact_one() -> None:
    x = torch.tensor([[3.0], [0.0], [1.0]]).double()
    y = torch.tensor([[2.0], [2.0], [-1.0]]).double()
    value = divergences.sliced_wasserstein(x, y, torch.tensor([[1.0], [-1.0]]).double())
    assert value.item() == pytest.approx((1 + 1 + 1) / 3)  # -1 to 0, 2 to 1, 2 to 3


def test_sliced_wasserstein_between_shifted_samples_is_the_mean_projection_of_the_shift() -> None:
    """W_2^2 on each line is (u'shift)^2, whose mean over directions is |shift|^2 / D."""
    torch.manual_seed(0)
    x, shift = torch.randn(20, 4).double(), torch.tensor([1.0, -2.0, 0.5, 0.0]).double()
    directions = torch.nn.functional.normalize(torch.randn(4000, 1, 4).double(), dim=-1)
    order = torch.randperm(20)
    each = torch.stack([divergences.sliced_wasserstein(x, x[order] + shift, u) for u in directions])
    parts.close(each, shift.square().sum() / 4)


def test_stratified_weights_sum_to_one_with_one_over_n_on_the_diagonal() -> None:
    weights = divergences.stratified_log_weights(5, 40, torch.zeros((), dtype=torch.float64)).exp()
    torch.testing.assert_close(weights.sum(1), torch.ones(5, dtype=torch.float64))
    torch.testing.assert_close(weights.diagonal(), torch.full((5,), 1 / 40, dtype=torch.float64))


def test_stratified_sampling_is_an_unbiased_estimate_of_the_density() -> None:
    """Over all batches that hold the sample's own image, the estimate of q(z) averages to q(z)."""
    torch.manual_seed(0)
    num, batch = 6, 3
    log_q = Normal(torch.randn(num).double(), 0.5).log_prob(torch.tensor(0.3).double())  # of one z, from image 0
    log_weights = divergences.stratified_log_weights(batch, num, log_q)[0]
    others = torch.combinations(torch.arange(1, num), batch - 1)
    batches = torch.cat([torch.zeros(len(others), 1, dtype=torch.int64), others], 1)
    estimates = (log_weights + log_q[batches]).logsumexp(-1).exp()
    torch.testing.assert_close(estimates.mean(), log_q.exp().mean())


def correlated_posteriors(correlation: float, num: int) -> tuple[Tensor, Tensor]:
    """Samples z of posteriors N(m_i, s^2 I) whose aggregate is near N(0, [[1, r], [r, 1]]), and log q(z_id | x_j)."""
    spread = 0.3
    covariance = torch.tensor([[1, correlation], [correlation, 1]]).double() - spread**2 * torch.eye(2).double()
    means = torch.randn(num, 2).double() @ torch.linalg.cholesky(covariance).T
    z = means + spread * torch.randn(num, 2).double()
    return z, Normal(means, spread).log_prob(z.unsqueeze(1))  # (N, 2), (N, N, 2)


@pytest.mark.slow
@pytest.mark.parametrize("correlation", [0.0, 0.8])
def test_total_correlation_of_a_correlated_normal(correlation: float) -> None:
    """With the whole set as one batch both samplings are exact.

    TC = -1/2 log(1 - r^2). The means are 2000 samples themselves: within 0.05 nats.
    """
    torch.manual_seed(0)
    num = 2000
    z, log_q = correlated_posteriors(correlation, num)
    joint, product = divergences.aggregate_log_density(log_q, divergences.stratified_log_weights(num, num, z))
    assert (joint - product).mean().item() == pytest.approx(-0.5 * math.log(1 - correlation**2), abs=0.05)
    weighted = divergences.aggregate_log_density(log_q, divergences.weighted_log_weights(num, num, z))
    torch.testing.assert_close(weighted, (joint, product))


def test_covariance_and_its_penalties_by_hand() -> None:
    x = torch.tensor([[1.0, 2.0], [-1.0, -2.0], [1.0, -2.0], [-1.0, -2.0]]).double()
    covariance = divergences.covariance(x)
    torch.testing.assert_close(covariance, torch.tensor([[1.0, 1.0], [1.0, 3.0]]).double())
    off_diagonal, diagonal = divergences.dip_penalties(covariance)
    assert (off_diagonal.item(), diagonal.item()) == (2.0, 4.0)


@pytest.mark.parametrize("name", ["covariance", "sliced_wasserstein", "mmd", "label_normal"])
def test_mixed_precision_does_not_round_what_is_compared(name: str) -> None:
    """Products of codes and of parameters keep float32 where networks compute in half precision."""
    x, y, directions = torch.randn(3, 64, 8, generator=torch.Generator().manual_seed(0))
    torch.manual_seed(0)
    prior = LabelNormal(8, 8)
    functions: dict[str, Callable[[], Tensor]] = {
        "covariance": lambda: divergences.covariance(1 + x),
        "sliced_wasserstein": lambda: divergences.sliced_wasserstein(x, y, directions),
        "mmd": lambda: divergences.mmd(x, y, divergences.rbf, 16.0),
        "label_normal": lambda: prior(torch.eye(8)).mean,
    }
    expected = functions[name]()
    with torch.autocast("cpu", torch.bfloat16):
        found = functions[name]()
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-7)
