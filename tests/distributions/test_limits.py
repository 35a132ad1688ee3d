"""Parameters at the edge of their range keep a gradient, which can lead them back."""

import pytest
import torch
from torch import Tensor

from helpers import parts
from helpers.measured_latents import some_params
from vae_lab.distributions.limits import limit
from vae_lab.distributions.sphere import PowerSpherical
from vae_lab.likelihoods.continuous_bernoulli import SMALL_LOGIT, ContinuousBernoulliDistribution
from vae_lab.priors.label_normal import LabelNormal

# Outside of the limits of log-variances, log-scales and, for the sphere, of the concentration.
FAR = {"spherical": 1e7}


@pytest.mark.parametrize("name", parts.of_real_vectors("posterior") + ["spherical"])
@pytest.mark.parametrize("sign", [-1, 1])
def test_every_parameter_of_a_posterior_has_a_gradient_far_out(name: str, sign: int) -> None:
    """One parameter after the other is led far out, and the log-density at a given z still depends on it."""
    torch.manual_seed(0)
    posterior = parts.posterior(name, 2).double()
    start = some_params(posterior)
    z = posterior(start).sample()
    for index in range(start.numel()):
        params = start.clone().flatten()
        params[index] = sign * FAR.get(name, 60)
        if name == "spherical" and index == start.numel() - 1 and sign < 0:
            continue  # softplus there is zero in any precision
        params = params.reshape(start.shape).requires_grad_()
        (gradient,) = torch.autograd.grad(posterior(params).log_prob(z).sum(), params)
        assert gradient.isfinite().all()
        assert gradient.flatten()[index] != 0, index


@pytest.mark.parametrize("log_scale", [-60.0, 60.0])
def test_the_scales_of_a_prior_by_class_have_a_gradient_far_out(log_scale: float) -> None:
    prior = LabelNormal(2, 3)
    with torch.no_grad():
        prior.log_scales.fill_(log_scale)
    prior(torch.eye(3)).log_prob(torch.ones(3, 2)).sum().backward()
    assert prior.log_scales.grad is not None
    assert (prior.log_scales.grad != 0).all()


def test_what_is_not_finite_stays_so_and_what_is_inside_is_unchanged() -> None:
    x = torch.tensor([-torch.inf, -3.0, 0.1, 3.0, torch.nan])
    assert limit(x, -2, 2).isnan().tolist() == [True, False, False, False, True]
    assert limit(x, -2, 2)[1:4].tolist() == [-2.0, x[2].item(), 2.0]


@pytest.mark.parametrize("logit", [0.0, 1e-6, -1e-5, 0.03, -SMALL_LOGIT, SMALL_LOGIT, 2 * SMALL_LOGIT, -4.0])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_samples_of_the_continuous_bernoulli_have_the_gradient_of_their_quantile(
    logit: float, dtype: torch.dtype
) -> None:
    """dx/dt = -(dF/dt) / f of F(x; t) = (e^tx - 1) / (e^t - 1); at t = 0 it is x (1 - x) / 2."""
    t = torch.full((1000,), logit, dtype=dtype, requires_grad=True)
    torch.manual_seed(0)
    x = ContinuousBernoulliDistribution(t).rsample()
    (gradient,) = torch.autograd.grad(x.sum(), t)
    torch.testing.assert_close(gradient.double(), slope(x.detach().double(), logit), rtol=1e-4, atol=1e-5)


def slope(x: Tensor, t: float) -> Tensor:
    """The derivative of the quantile function at its value x; the series is exact enough for |t| < 1e-3."""
    if abs(t) < 1e-3:
        return x * (1 - x) / 2 * (1 + t * (1 - 2 * x) / 3)
    tx, logit = t * x, torch.tensor(t, dtype=torch.float64)
    return (logit.exp() * tx.expm1() / logit.expm1() - x * tx.exp()) / (t * tx.exp())


@pytest.mark.parametrize("dim", [2, 3, 50])
@pytest.mark.parametrize("concentration", [1.0, 1e3, 1e5, 1e6])
def test_samples_on_the_sphere_have_their_gradient_in_float32_too(dim: int, concentration: float) -> None:
    """Of the mean squared distance from the mean direction, against the same samples in float64."""
    gradients = []
    for dtype in (torch.float32, torch.float64):
        torch.manual_seed(0)
        k = torch.tensor(concentration, dtype=dtype, requires_grad=True)
        loc = torch.nn.functional.normalize(torch.ones(dim, dtype=dtype), dim=0)
        z = PowerSpherical(loc, k).rsample((20_000,))
        (gradient,) = torch.autograd.grad((z - loc).square().sum(-1).mean(), k)
        gradients.append(gradient.item())
    assert gradients[0] == pytest.approx(gradients[1], rel=1e-3)
