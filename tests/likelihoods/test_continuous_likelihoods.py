"""Likelihoods of continuous pixels against closed forms, other libraries and numbers worked out by hand."""

import math
from decimal import Decimal, localcontext

import pytest
import scipy.special
import scipy.stats
import torch
from torch import Tensor
from torch.nn.functional import softplus

from helpers import parts
from helpers.tensors import DOUBLE, rand, randn, same
from vae_lab.likelihoods.continuous_bernoulli import ContinuousBernoulliDistribution
from vae_lab.likelihoods.gaussian import GaussianPixel
from vae_lab.likelihoods.gaussian_optimal import GaussianOptimal
from vae_lab.likelihoods.laplace import Laplace
from vae_lab.likelihoods.scale import bounded_scale, raw_scale
from vae_lab.maths.densities import (
    SMALL_LOGIT,
    SMALL_SHAPE,
    continuous_bernoulli_log_normalizer,
    continuous_bernoulli_mean,
    log_beta_function,
)

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
