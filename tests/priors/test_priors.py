"""The learned priors against the laws that they must equal."""

import copy

import pytest
import torch
from torch import Tensor
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal

from helpers import parts
from helpers.composed import composed
from vae_lab import build
from vae_lab.configuration.check import check
from vae_lab.distributions.flows import FlowDistribution
from vae_lab.distributions.normals import diagonal_normal
from vae_lab.distributions.pushforward import log_standard_normal
from vae_lab.errors import UserError
from vae_lab.models.vae import VAE
from vae_lab.priors.flow import FlowPrior
from vae_lab.priors.mixture import MixtureOfNormals
from vae_lab.priors.standard_normal import StandardNormal
from vae_lab.priors.vamp import VampPrior

PIXEL_MEAN = torch.linspace(0, 1, 64).reshape(parts.IMAGE_SHAPE)


def vamp_model(*overrides: str) -> tuple[VAE, VampPrior]:
    """A small model with the vamp prior, in float64."""
    config = composed("latent_dim=2", "prior=vamp", *overrides)
    # Without the rules, which refuse what would only be slow.
    model = build.assemble(config, parts.IMAGE_SHAPE, PIXEL_MEAN, num_classes=None).double()
    assert isinstance(model, VAE)
    assert isinstance(model.prior, VampPrior)
    return model, model.prior


def test_mixture_of_one_is_that_normal() -> None:
    prior = MixtureOfNormals(3, num_components=1).double()
    z = torch.randn(4, 5, 3, dtype=torch.float64)
    torch.testing.assert_close(prior().log_prob(z), diagonal_normal(prior.params[0]).log_prob(z))


def test_mixture_agrees_with_torch_in_value_and_gradient() -> None:
    torch.manual_seed(0)
    prior = MixtureOfNormals(3, num_components=4).double()
    with torch.no_grad():
        prior.logits.normal_()
    distribution = MixtureSameFamily(Categorical(logits=prior.logits), diagonal_normal(prior.params))
    z = torch.randn(4, 5, 3, dtype=torch.float64)
    ours, theirs = prior().log_prob(z), distribution.log_prob(z)
    torch.testing.assert_close(ours, theirs)
    gradients = [torch.autograd.grad(k.sum(), [*prior.parameters()], retain_graph=True) for k in (ours, theirs)]
    torch.testing.assert_close(*gradients)
    samples = prior().sample((20_000,))
    parts.close(samples, distribution.mean)
    parts.close((samples - distribution.mean).square(), distribution.variance)


def test_mixture_starts_as_wide_as_the_standard_normal() -> None:
    torch.manual_seed(0)
    samples = MixtureOfNormals(1, num_components=2000).double()().sample((20_000,))
    parts.close(samples.square(), 1.0, num_errors=10)  # the means are drawn too


@pytest.mark.parametrize("posterior", ["diagonal", "full_covariance", "iaf"])
def test_vamp_with_one_pseudo_input_is_its_posterior(posterior: str) -> None:
    model, prior = vamp_model("prior.num_pseudo_inputs=1", f"posterior={posterior}")
    z = torch.randn(4, 5, 2, dtype=torch.float64)
    torch.testing.assert_close(prior(None).log_prob(z), model.encode(prior.pseudo_inputs[0]).log_prob(z))


@pytest.mark.parametrize("posterior", ["diagonal", "spline_flow"])
def test_vamp_is_the_equal_mixture_of_its_posteriors(posterior: str) -> None:
    model, prior = vamp_model("prior.num_pseudo_inputs=3", f"posterior={posterior}")
    z = torch.randn(5, 2, dtype=torch.float64)
    densities = torch.stack([model.encode(u).log_prob(z).exp() for u in prior.pseudo_inputs])
    torch.testing.assert_close(prior(None).log_prob(z), densities.mean(0).log())


@pytest.mark.parametrize("posterior", ["iaf", "spline_flow"])
def test_vamp_is_refused_where_it_would_take_for_ever(posterior: str) -> None:
    with pytest.raises(UserError, match=r"posterior=diagonal \(or full_covariance\)") as refused:
        check(composed("prior=vamp", f"posterior={posterior}"))
    assert "\n" not in str(refused.value)


def test_vamp_samples_from_its_mixture() -> None:
    model, prior = vamp_model("prior.num_pseudo_inputs=3")
    with torch.no_grad():  # posteriors far apart
        model.encoder[-1].weight.mul_(20)
    distribution = prior(None)
    points, area = parts.plane(30.0, 600)
    torch.manual_seed(0)
    with torch.no_grad():
        density = parts.log_prob(distribution, points).exp() * area
        samples = distribution.sample((20_000,))
        torch.testing.assert_close(density.sum(), torch.ones((), dtype=torch.float64), rtol=0, atol=1e-6)
        parts.close(samples, (density.unsqueeze(-1) * points).sum(0))
        parts.close(samples.prod(-1), (density * points.prod(-1)).sum())
        parts.close(-distribution.log_prob(samples), -(density * distribution.log_prob(points).clamp(min=-1e4)).sum())


def test_vamp_gives_gradients_to_pseudo_inputs_and_encoder() -> None:
    model, prior = vamp_model()
    prior(None).log_prob(torch.randn(5, 2, dtype=torch.float64)).sum().backward()
    for parameter in [prior.pseudo_logits, *model.encoder.parameters()]:
        assert parameter.grad is not None
        assert parameter.grad.any()


def test_vamp_shares_the_encoder_of_its_own_model() -> None:
    model, prior = vamp_model()
    assert [name for name in model.state_dict() if name.startswith("prior.")] == ["prior.pseudo_logits"]
    other = copy.deepcopy(model)
    with torch.no_grad():
        for parameter in other.encoder.parameters():
            parameter.zero_()
    z = torch.zeros(2, dtype=torch.float64)
    torch.testing.assert_close(other.prior(None).log_prob(z), log_standard_normal(z))
    assert (prior(None).log_prob(z) - log_standard_normal(z)).abs() > 1e-3


def test_pseudo_inputs_start_around_the_mean_image_and_stay_images() -> None:
    _, prior = vamp_model("prior.num_pseudo_inputs=4000", "prior.initial_noise=0.2")
    torch.testing.assert_close(prior.pseudo_inputs.mean(0), PIXEL_MEAN.double().clamp(0.05, 0.95), rtol=0, atol=0.01)
    with torch.no_grad():
        prior.pseudo_logits.mul_(1e6)
    assert prior.pseudo_inputs.min() >= 0
    assert prior.pseudo_inputs.max() <= 1


def flow_distribution(prior: FlowPrior) -> FlowDistribution:
    distribution = prior(None)
    assert isinstance(distribution, FlowDistribution)
    return distribution


@pytest.mark.parametrize("latent_dim", [1, 2, 4])
def test_flow_has_the_density_of_the_jacobian(latent_dim: int) -> None:
    torch.manual_seed(0)
    prior = FlowPrior(latent_dim).double()
    with torch.no_grad():
        for parameter in prior.parameters():
            parameter.mul_(3)
    distribution = flow_distribution(prior)
    for z in 2 * torch.randn(5, latent_dim, dtype=torch.float64):
        jacobian = torch.autograd.functional.jacobian(lambda z: distribution.pull(z)[0], z)
        e, log_slope = distribution.pull(z)
        torch.testing.assert_close(log_slope, jacobian.slogdet().logabsdet)
        torch.testing.assert_close(distribution.log_prob(z), log_standard_normal(e) + jacobian.slogdet().logabsdet)
        torch.testing.assert_close(distribution.push(e)[0], z)


def test_flow_of_depth_0_is_the_standard_normal() -> None:
    distribution, expected = FlowPrior(3, depth=0)(None), StandardNormal(3)(None)
    assert type(distribution) is type(expected) is Independent
    assert type(distribution.base_dist) is Normal
    torch.testing.assert_close(
        (distribution.mean, distribution.variance), (expected.mean, expected.variance), rtol=0, atol=0
    )


def test_density_of_the_flow_s_own_sample() -> None:
    prior = FlowPrior(3).double()
    distribution = prior(None)
    z = distribution.sample((4, 5))
    assert z.shape == (4, 5, 3)
    assert not z.requires_grad
    log_p = distribution.log_prob(z)
    assert log_p.shape == (4, 5)
    assert log_p.requires_grad
    z = distribution.rsample((4,))
    torch.testing.assert_close(distribution.log_prob(z), distribution.log_prob(z.clone()))


@pytest.mark.slow
@pytest.mark.parametrize("name", parts.of_real_vectors("prior"))
def test_integrates_to_one_over_the_plane(name: str) -> None:
    prior = parts.prior(name, 2, torch.float64)
    distribution = prior(parts.second_class() if prior.needs_labels else None)
    points, area = parts.plane(8.0, 200)
    with torch.no_grad():
        total: Tensor = parts.log_prob(distribution, points).exp().sum() * area
    torch.testing.assert_close(total, torch.ones((), dtype=torch.float64), rtol=0, atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mixture", "vamp", "flow"])
def test_learns_digits(name: str) -> None:
    first, last = parts.losses_on_digits(f"prior={name}")
    assert last < first - 1
