"""The likelihood from posterior samples, against a model whose likelihood and posterior have a closed form."""

import math

import pytest
import torch
from torch import Tensor
from torch.distributions import MultivariateNormal

from helpers import chain, parts
from helpers.exact import LinearGaussian
from helpers.measuring import agrees, context
from vae_lab.evaluation.measures.marginal_likelihood import MarginalLikelihood
from vae_lab.maths import marginal_likelihood as marginal
from vae_lab.maths.annealing import Path

NUM_SAMPLES, NUM_IMAGES = 50, 400
LOG_2PI = math.log(2 * math.pi)


class Case:
    """The linear-Gaussian model on images of its own, with its exact posterior; its encoder is off."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        self.linear = LinearGaussian(angle=1.0, shift=0.3, growth=1.5)
        self.model = self.linear.model()
        self.x = self.linear.images(NUM_IMAGES)
        self.log_px = -self.linear.nll(self.x)  # (B,)
        mean = self.x.flatten(1) @ self.linear.slope.T
        self.posterior = MultivariateNormal(mean, precision_matrix=self.linear.precision)

    def log_joint(self, z: Tensor) -> Tensor:
        return self.model.log_joint(self.x, (z,))


def test_the_reciprocal_is_unbiased_for_any_density() -> None:
    """E[q(z) / p(x, z)] = 1 / p(x) under the exact posterior, for a q that is off its place and too narrow."""
    case = Case()
    z = case.posterior.sample((NUM_SAMPLES,))
    q = MultivariateNormal(case.posterior.mean + 0.2, 0.6 * case.linear.precision.inverse())
    ratio = (case.log_px - marginal.from_posterior(case.log_joint(z), q.log_prob(z))).exp()  # (B,)
    assert ratio.std() > 0.01, "it varies"
    parts.close(ratio, 1.0)
    # So its logarithm errs upwards, the more the fewer the samples.
    few = marginal.from_posterior(case.log_joint(z[:2]), q.log_prob(z[:2])) - case.log_px
    assert few.mean() > 3 * few.std() / NUM_IMAGES**0.5


def test_a_density_that_is_the_posterior_gives_the_exact_likelihood() -> None:
    case = Case()
    z = case.posterior.sample((3,))
    estimate = marginal.from_posterior(case.log_joint(z), case.posterior.log_prob(z))
    torch.testing.assert_close(estimate, case.log_px)


def test_a_normal_is_fitted_to_the_samples_of_each_image() -> None:
    case = Case()
    z = case.posterior.sample((5000,))
    q = marginal.fit_normal(z)
    torch.testing.assert_close(q.mean, z.mean(0))
    torch.testing.assert_close(q.covariance_matrix[7], torch.cov(z[:, 7].T))
    torch.testing.assert_close(q.covariance_matrix.mean(0), case.linear.precision.inverse(), rtol=0.02, atol=0.002)


@pytest.mark.slow
def test_chains_come_from_the_prior_to_fresh_samples_of_the_posterior() -> None:
    case = Case()
    start = torch.randn(NUM_SAMPLES, NUM_IMAGES, 2, dtype=torch.float64)
    told: list[int] = []
    samples = marginal.posterior_samples(
        Path(standard_normal, lambda z: case.log_joint(z) - standard_normal(z)),
        start,
        num_leapfrog=4,
        num_transitions=10,
        on_transition=lambda: told.append(1),
    )
    assert len(told) == marginal.total_transitions(10)
    root = torch.linalg.cholesky(case.linear.precision)
    fitting, estimating = ((z - case.posterior.mean) @ root for z in samples[:2])  # of N(0, I)
    for white in (fitting.flatten(0, 1), estimating.flatten(0, 1)):
        parts.close(white, torch.zeros(2, dtype=torch.float64))
        parts.close(white.unsqueeze(-1) * white.unsqueeze(-2), torch.eye(2, dtype=torch.float64))
    parts.close(
        (fitting * estimating).flatten(0, 1), torch.zeros(2, dtype=torch.float64)
    )  # of each other they know nothing
    assert samples.acceptance.mean() == pytest.approx(0.9, abs=0.03)


def standard_normal(z: Tensor) -> Tensor:
    """log N(z; 0, I) of positions (L, B, D): (L, B)."""
    return -0.5 * (z.square() + LOG_2PI).sum(-1)


def test_each_mode_of_the_posterior_has_its_share_of_chains() -> None:
    """Under N(0, I) two narrow modes of p(x | z), at which the prior is alike, with masses 1/4 and 3/4."""
    modes = torch.tensor([[2.0, 0.0], [-2.0, 0.0]], dtype=torch.float64)
    masses = torch.tensor([0.25, 0.75], dtype=torch.float64)

    def log_likelihood(z: Tensor) -> Tensor:
        squares = (z.unsqueeze(-2) - modes).square().sum(-1)  # (L, B, 2)
        return (masses.log() - 50 * squares).logsumexp(-1)

    torch.manual_seed(0)
    start = torch.randn(NUM_SAMPLES, 100, 2, dtype=torch.float64)
    path = Path(standard_normal, log_likelihood)
    samples = marginal.posterior_samples(path, start, num_leapfrog=4, num_transitions=3, on_transition=lambda: None)
    parts.close((samples.estimating[..., 0] > 0).double().mean(0), 0.25)
    assert (samples.estimating[..., 0].abs() - 2).abs().max() < 1, "no chain is left between the modes"


def test_samples_stay_as_often_as_their_weights_have_it() -> None:
    z = torch.arange(5.0, dtype=torch.float64).reshape(5, 1, 1).expand(5, 1000, 1)
    shares = torch.tensor([0.1, 0.0, 0.5, 0.35, 0.05], dtype=torch.float64)
    torch.manual_seed(0)
    chosen = marginal.systematic_resample(z, 7 + shares.log().unsqueeze(-1).expand(5, 1000))
    counts = (chosen == z[:, :1].reshape(1, 1, 5)).sum(0).double()  # (1000, 5)
    assert ((counts - 5 * shares).abs() < 1).all()
    parts.close(counts, 5 * shares)


@pytest.mark.slow
def test_the_measure_agrees_with_the_exact_likelihood_by_both_estimators() -> None:
    case = Case()
    off = []
    for seed in range(4):
        figures = MarginalLikelihood(num_images=100)(context(case.model, case.x[:100], seed))
        off.append([figures[name].value + case.log_px[:100].mean().item() for name in ("nll", "nll_importance")])
        agrees(figures["nll"], -case.log_px.mean().item(), slack=0.01)
        assert figures["nll"].details is not None
        assert figures["nll"].details["acceptance"] == pytest.approx(0.9, abs=0.05)
    slack = torch.tensor(0.005)  # of 50 samples: the variance of the ratio, a tenth, by twice their number
    values = torch.tensor(off)
    error = values.std(0) / len(values) ** 0.5
    assert (values.mean(0).abs() <= 5 * error + slack).all(), values


@pytest.mark.parametrize("build_model", [chain.two_layers, chain.ladder])
def test_all_layers_are_sampled(build_model: type) -> None:
    model = build_model().eval().requires_grad_(False)
    figures = MarginalLikelihood()(context(model, chain.image(chain.X, 100)))
    exact = -chain.MARGINAL.log_prob(torch.tensor(chain.X)).item()
    agrees(figures["nll"], exact, slack=0.01)
    agrees(figures["nll_importance"], exact, slack=0.01)


def test_too_few_samples_to_fit_a_law_to_are_refused() -> None:
    case = Case()
    reason = MarginalLikelihood(num_samples=2).unavailable_reason(context(case.model, case.x))
    assert reason == "fitting a normal distribution of 2 latent units needs more than num_samples=2"
