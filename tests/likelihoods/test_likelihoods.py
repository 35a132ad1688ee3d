"""Likelihoods against closed forms, other libraries and numbers worked out by hand."""

import math
from decimal import Decimal, localcontext

import pytest
import scipy.special
import scipy.stats
import torch
from torch import Tensor
from torch.nn.functional import softplus

from helpers import parts
from vae_lab.likelihoods.continuous_bernoulli import ContinuousBernoulliDistribution
from vae_lab.likelihoods.discretized_logistic import DiscretizedLogistic, DiscretizedLogisticMixture
from vae_lab.likelihoods.gaussian import GaussianPixel
from vae_lab.likelihoods.gaussian_optimal import GaussianOptimal
from vae_lab.likelihoods.laplace import Laplace
from vae_lab.likelihoods.likelihood import Likelihood
from vae_lab.likelihoods.scale import bounded_scale, raw_scale
from vae_lab.maths.densities import (
    SMALL_LOGIT,
    SMALL_SHAPE,
    continuous_bernoulli_log_normalizer,
    continuous_bernoulli_mean,
    discretized_logistic,
    log_beta_function,
)

DOUBLE = torch.float64


def randn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, dtype=DOUBLE, generator=torch.Generator().manual_seed(seed))


def rand(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(*shape, dtype=DOUBLE, generator=torch.Generator().manual_seed(seed))


def same(actual: Tensor, expected: object, tolerance: float = 1e-12) -> None:
    expected = torch.as_tensor(expected, dtype=actual.dtype)
    torch.testing.assert_close(actual, expected.expand_as(actual), rtol=tolerance, atol=tolerance)


# ---------------------------------------------------------------------------------------------- continuous Bernoulli


def log_c(l: Tensor) -> Tensor:  # noqa: E741 (the paper's lambda)
    """The logarithm of the paper's normalising constant C(l)."""
    logits = l.logit()
    return softplus(logits) - continuous_bernoulli_log_normalizer(logits)


def test_continuous_bernoulli_constant() -> None:
    same(log_c(torch.tensor(0.1, dtype=DOUBLE)), 1.0103386, 1e-7)
    same(log_c(torch.tensor(0.5, dtype=DOUBLE)), math.log(2))
    offset = torch.linspace(-0.02, 0.02, 41, dtype=DOUBLE)
    same(log_c(0.5 + offset), math.log(2) + 4 / 3 * offset**2 + 104 / 45 * offset**4, 1e-9)
    l = torch.tensor([1e-6, 0.02, 0.2, 0.9, 1 - 1e-6], dtype=DOUBLE)  # noqa: E741
    same(log_c(l), (2 * torch.atanh(1 - 2 * l) / (1 - 2 * l)).log(), 1e-9)
    same(continuous_bernoulli_mean(l.logit()), l / (2 * l - 1) + 1 / (2 * torch.atanh(1 - 2 * l)), 1e-9)


def exact_normalizer(logit: float) -> tuple[float, float]:
    """A(t) and A'(t) with fifty digits."""
    with localcontext() as context:
        context.prec = 50
        t = Decimal(logit)
        return float(((t.exp() - 1) / t).ln()), float(1 / (1 - (-t).exp()) - 1 / t)


@pytest.mark.parametrize(("dtype", "tolerance"), [(DOUBLE, 1e-14), (torch.float32, 2e-6)])
def test_continuous_bernoulli_value_and_gradient_through_the_switch(dtype: torch.dtype, tolerance: float) -> None:
    sizes = [1e-12, 1e-6, 1e-3, 0.1, SMALL_LOGIT * 0.999, SMALL_LOGIT, SMALL_LOGIT * 1.001, 1.0, 8.0, 60.0]
    logits = torch.tensor([sign * size for size in sizes for sign in (1, -1)], dtype=dtype, requires_grad=True)
    value = continuous_bernoulli_log_normalizer(logits)
    (gradient,) = torch.autograd.grad(value.sum(), logits)
    exact = torch.tensor([exact_normalizer(logit) for logit in logits.tolist()], dtype=dtype)
    same(value.detach(), exact[:, 0], tolerance)
    same(gradient, exact[:, 1], tolerance)
    same(continuous_bernoulli_mean(logits).detach(), exact[:, 1], tolerance)


@pytest.mark.parametrize("logit", [0.0, 1e30, -1e30])
def test_continuous_bernoulli_at_zero_and_at_infinity(logit: float) -> None:
    logits = torch.tensor([logit], requires_grad=True)
    value = continuous_bernoulli_log_normalizer(logits)
    (gradient,) = torch.autograd.grad(value, logits)
    assert value.isfinite()
    same(gradient, 0.5 if logit == 0 else float(logit > 0), 1e-6)


@pytest.mark.parametrize("logit", [0.0, 1e-5, -0.2, 3.0, -40.0, 300.0])
def test_continuous_bernoulli_samples(logit: float) -> None:
    torch.manual_seed(0)
    distribution = ContinuousBernoulliDistribution(torch.tensor(logit, dtype=DOUBLE))
    samples = distribution.sample((20_000,))
    assert samples.min() >= 0
    assert samples.max() <= 1
    parts.close(samples, distribution.mean)


# ---------------------------------------------------------------------------------------------------- real densities


def test_gaussian_of_unit_variance_has_its_constant() -> None:
    image = torch.rand(1, 28, 28)
    log_px = parts.likelihood("gaussian", (1, 28, 28))(image).log_prob(image)
    same(-log_px, 720.44781, 1e-6)


def test_gaussian_pixel_is_normal_with_the_scale_of_each_pixel() -> None:
    likelihood = GaussianPixel((2, 3, 3), min_scale=0.25)
    params, x = randn(5, 4, 3, 3), rand(5, 2, 3, 3)
    mean, raw = params[:, :2], params[:, 2:]
    scale = 0.25 + raw.exp().log1p()
    expected = scipy.stats.norm(mean, scale).logpdf(x).sum((1, 2, 3))
    same(likelihood(params).log_prob(x), expected)
    assert bounded_scale(torch.tensor(-1e9), 0.25) == 0.25


def test_laplace_agrees_with_scipy() -> None:
    likelihood = Laplace((1, 3, 3), initial_scale=0.2).double()
    mean, x = randn(5, 1, 3, 3), rand(5, 1, 3, 3)
    same(likelihood(mean).log_prob(x), scipy.stats.laplace(mean, 0.2).logpdf(x).sum((1, 2, 3)), 1e-6)


@pytest.mark.parametrize("initial", [1e-3, 0.2, 1.0, 50.0])
def test_a_scale_starts_where_it_is_told_to(initial: float) -> None:
    raw = torch.tensor(raw_scale(initial, 5e-4), dtype=DOUBLE)
    same(bounded_scale(raw, 5e-4), initial)
    with pytest.raises(ValueError, match=r"initial_scale=0.1 must be above min_scale=0.1"):
        raw_scale(0.1, 0.1)


# ----------------------------------------------------------------------------------------------------- sigma-VAE


def test_gaussian_optimal_is_the_gaussian_of_the_batch_error() -> None:
    likelihood = GaussianOptimal((1, 4, 4)).double()
    mean = randn(3, 6, 1, 4, 4).requires_grad_()  # K = 3 samples of B = 6 images
    x = rand(6, 1, 4, 4)
    num_dims = 16
    log_px = likelihood(mean).log_prob(x)  # (3, 6)
    error = (x - mean).square().mean()
    expected = scipy.stats.norm(mean.detach(), error.sqrt().item()).logpdf(x).sum((2, 3, 4))
    same(log_px.detach(), expected)
    # The loss is D/2 log MSE, but for a constant; and so is its gradient.
    loss = -log_px.mean()
    closed_form = num_dims / 2 * (error.log() + math.log(2 * math.pi * math.e))
    same(loss, closed_form.item())
    (gradient,) = torch.autograd.grad(loss, mean, retain_graph=True)
    (expected_gradient,) = torch.autograd.grad(closed_form, mean)
    same(gradient, expected_gradient)
    # One image alone (as importance weights tell them apart) has the gradient of a normal law of that given variance.
    (gradient,) = torch.autograd.grad(log_px[0, 0], mean)
    same(gradient[0, 0], ((x[0] - mean[0, 0]) / error).detach())
    same(gradient[1:], 0.0)
    assert not likelihood.variance.requires_grad


def test_gaussian_optimal_is_evaluated_with_the_average_of_training() -> None:
    likelihood = GaussianOptimal((1, 2, 2), memory=2).double()
    x = torch.zeros(1, 1, 2, 2, dtype=DOUBLE)
    mean_at_error = {error: torch.full_like(x, error**0.5) for error in (4.0, 2.0, 1.0)}
    for error, average in ((4.0, 4.0), (2.0, 3.0), (1.0, 2.0)):  # the third with the weight 1 / memory
        likelihood(mean_at_error[error]).log_prob(x)
        same(likelihood.variance, average)
    likelihood.eval()
    mean = mean_at_error[1.0]
    before = likelihood.variance.clone()
    one, two = likelihood(mean).log_prob(x), likelihood(mean.repeat(2, 1, 1, 1)).log_prob(torch.cat([x, x + 9]))
    same(one, scipy.stats.norm(1, 2**0.5).logpdf(0) * 4)
    same(two[0], one.item())  # images that are scored together do not see each other
    same(likelihood.variance, before.item())
    torch.manual_seed(0)
    parts.close((likelihood(mean).sample((20_000,)) - mean).square().flatten(1), 2.0)


def test_gaussian_optimal_is_finite_without_any_error() -> None:
    likelihood = GaussianOptimal((1, 2, 2), min_scale=0.01)
    mean = torch.zeros(1, 1, 2, 2, requires_grad=True)
    log_px = likelihood(mean).log_prob(torch.zeros(1, 1, 2, 2))
    same(log_px.detach(), 4 * scipy.stats.norm(0, 0.01).logpdf(0), 1e-5)
    log_px.sum().backward()
    assert mean.grad is not None
    assert mean.grad.isfinite().all()


@pytest.mark.slow
def test_gaussian_optimal_remembers_when_compiled() -> None:
    torch._dynamo.reset()
    eager, compiled = GaussianOptimal((1, 2, 2)), GaussianOptimal((1, 2, 2))
    step = torch.compile(lambda mean, x: compiled(mean).log_prob(x), fullgraph=True, backend="aot_eager")
    for seed in range(3):
        mean, x = randn(5, 1, 2, 2, seed=seed).float(), rand(5, 1, 2, 2, seed=seed).float()
        same(step(mean, x), eager(mean).log_prob(x), 1e-5)
    same(compiled.variance, eager.variance.item(), 1e-6)
    assert compiled.num_batches == eager.num_batches == 3


# ------------------------------------------------------------------------------------------------------------ Beta


def test_beta_agrees_with_scipy() -> None:
    likelihood = parts.likelihood("beta", (1, 3, 3))
    params, x = 3 * randn(5, 2, 3, 3), rand(5, 1, 3, 3)
    shapes = 1 + params.exp().log1p()
    expected = scipy.stats.beta(shapes[:, :1], shapes[:, 1:]).logpdf(x).sum((1, 2, 3))
    same(likelihood(params).log_prob(x), expected, 1e-10)


@pytest.mark.parametrize(("dtype", "tolerance"), [(DOUBLE, 1e-10), (torch.float32, 2e-6)])
def test_log_beta_function_in_value_and_gradient(dtype: torch.dtype, tolerance: float) -> None:
    sizes = [1.0, 1.5, SMALL_SHAPE * 0.999, SMALL_SHAPE, SMALL_SHAPE * 1.001, 300.0, 1e5]
    pairs = torch.cartesian_prod(*2 * [torch.tensor(sizes, dtype=dtype)])  # (49, 2)
    a, b = (shape.clone().requires_grad_() for shape in pairs.unbind(-1))
    value = log_beta_function(a, b)
    gradient, _ = torch.autograd.grad(value.sum(), (a, b))
    wide_a, wide_b = a.detach().double().numpy(), b.detach().double().numpy()
    same(value.detach(), scipy.special.betaln(wide_a, wide_b), tolerance)
    same(gradient, scipy.special.digamma(wide_a) - scipy.special.digamma(wide_a + wide_b), tolerance)


@pytest.mark.parametrize(("a", "b"), [(1, 1), (2, 9), (9, 10), (10, 30), (1, 100_000), (100_000, 1), (5_000, 7_000)])
def test_log_beta_function_of_whole_numbers(a: int, b: int) -> None:
    exact = -math.log(a * math.comb(a + b - 1, a))  # scipy's own is off in the tenth digit at b = 1e5
    same(log_beta_function(torch.tensor(float(a), dtype=DOUBLE), torch.tensor(float(b), dtype=DOUBLE)), exact, 1e-14)


# ------------------------------------------------------------------------------------------------------ 256 levels

LEVELS = torch.arange(256, dtype=DOUBLE) / 255


@pytest.mark.parametrize("loc", [-3.0, 0.0, 0.3, 0.999, 2.0])
@pytest.mark.parametrize("scale", [1e-3, 0.05, 1.0, 30.0])
def test_discretized_logistic_is_the_difference_of_its_distribution_function(loc: float, scale: float) -> None:
    distribution = scipy.stats.logistic(loc, scale)
    log_p = discretized_logistic(LEVELS, torch.tensor(loc, dtype=DOUBLE), torch.tensor(scale, dtype=DOUBLE))
    same(log_p.exp().sum(), 1.0)
    lower, upper = distribution.cdf(LEVELS - 1 / 510), distribution.cdf(LEVELS + 1 / 510)
    lower[0], upper[-1] = 0, 1
    same(log_p.exp(), upper - lower, 1e-12)


def test_discretized_logistic_keeps_its_gradient_far_away() -> None:
    loc = torch.tensor(-50.0, requires_grad=True)
    log_p = discretized_logistic(torch.tensor(128 / 255), loc, torch.tensor(0.05))
    (gradient,) = torch.autograd.grad(log_p, loc)
    same(gradient, 1 / 0.05, 1e-5)  # that of an exponential tail


def test_mixture_of_one_is_the_single_law() -> None:
    single, mixture = DiscretizedLogistic((2, 4, 4)), DiscretizedLogisticMixture((2, 4, 4), num_components=1)
    params = randn(3, 4, 4, 4)
    logits = randn(3, 2, 4, 4, seed=1)
    x = (rand(3, 2, 4, 4) * 255).round() / 255
    one, other = single(params), mixture(torch.cat([logits, params], -3))
    same(other.log_prob(x), one.log_prob(x))
    same(other.mean, one.mean)


def test_mixture_is_the_weighted_sum() -> None:
    mixture = DiscretizedLogisticMixture((2, 1, 1), num_components=3)
    params = randn(18, 1, 1)
    logits, loc, raw = params.reshape(3, 3, 2)  # (M, C) each
    weights, scale = logits.softmax(0), bounded_scale(raw, 1e-3)
    for x in ([0.0, 1.0], [7 / 255, 100 / 255]):
        pixels = torch.tensor(x, dtype=DOUBLE)
        expected = (weights * discretized_logistic(pixels, loc, scale).exp()).sum(0).log().sum()
        same(mixture(params).log_prob(pixels.reshape(2, 1, 1)), expected.item())


def test_categorical_gives_each_level_its_own_probability() -> None:
    likelihood = parts.likelihood("categorical", (2, 1, 1))
    params = randn(4, 512, 1, 1)
    logits = params.reshape(4, 256, 2)
    levels = torch.tensor([[0, 255], [17, 3], [128, 127], [254, 1]])
    expected = logits.log_softmax(1).gather(1, levels.unsqueeze(1)).sum((1, 2))
    distribution = likelihood(params)
    same(distribution.log_prob(levels.reshape(4, 2, 1, 1).float() / 255), expected)
    same(distribution.mean.flatten(1), (logits.softmax(1) * LEVELS.unsqueeze(-1)).sum(1))


@pytest.mark.parametrize("name", ["discretized_logistic", "discretized_logistic_mixture", "categorical"])
def test_samples_are_levels(name: str) -> None:
    likelihood: Likelihood = parts.likelihood(name, parts.IMAGE_SHAPE)
    torch.manual_seed(0)
    samples = likelihood(torch.randn(6, *likelihood.param_shape)).sample((3,))
    assert samples.shape == (3, 6, *parts.IMAGE_SHAPE)
    assert torch.isin(samples, LEVELS.float()).all()
