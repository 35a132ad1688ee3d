"""Models with several stochastic layers, against the plain VAE and on a chain solved by hand."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from helpers import parts
from helpers.chain import MARGINAL, X, image, ladder, two_layers
from vae_lab.maths import kl
from vae_lab.models.ladder import LadderVAE, product
from vae_lab.models.latent_model import LatentModel
from vae_lab.models.vae import VAE


@pytest.fixture(params=[two_layers, ladder], ids=["two_layer", "ladder"])
def model(request: pytest.FixtureRequest) -> LatentModel:
    torch.manual_seed(0)
    build: Callable[[], LatentModel] = request.param
    return build()


def test_weights_average_to_the_exact_likelihood(model: LatentModel) -> None:
    weights = model.trace(image(X, 100_000)).log_w()[0].exp()
    parts.close(weights, MARGINAL.log_prob(torch.tensor(X)).exp())


def test_generates_from_the_exact_marginal(model: LatentModel) -> None:
    x = model.generate(100_000).sample().flatten()
    parts.close(x, MARGINAL.mean)
    parts.close((x - MARGINAL.mean).square(), MARGINAL.variance)


def test_both_estimators_of_the_elbo_agree(model: LatentModel) -> None:
    """Closed forms where they are used have the mean of log q - log p: also in a chain of layers."""
    trace = model.trace(image(X, 100_000))
    parts.close((trace.log_px - trace.kl() - trace.log_w())[0], 0.0)
    for latent in trace.latents:
        parts.close((latent.kl - (latent.log_q - latent.log_p))[0], 0.0)


def test_a_layer_says_whether_its_closed_form_is_exact(model: LatentModel) -> None:
    """The closed form has the mean of log q - log p exactly where the model says so; elsewhere none is given."""
    for layer in model.trace(image(X, 100_000)).latents:
        sampled = (layer.log_q - layer.log_p)[0]
        if layer.kl_is_exact:
            units = layer.kl_of_units()
            assert units is not None
            parts.close(units.expand(1, 100_000, 1)[0].sum(-1) - sampled, 0.0)
        else:
            assert layer.kl_of_units() is None
            wrong = kl.closed_form(layer.q, layer.p)
            assert wrong is not None
            with pytest.raises(AssertionError, match="is not"):
                parts.close(wrong.expand_as(layer.log_q)[0] - sampled, 0.0)


@pytest.mark.slow
def test_gradient_of_the_elbo_is_that_of_the_exact_one(model: LatentModel) -> None:
    """With closed forms and with log q - log p: the same mean gradient, which a wrong closed form would not have."""
    gradients: dict[str, list[Tensor]] = {"closed": [], "sampled": []}
    for _ in range(500):
        for name in gradients:
            model.zero_grad()
            trace = model.trace(image(X, 30))
            elbo = trace.log_px - trace.kl() if name == "closed" else trace.log_w()
            elbo.mean().backward()
            gradients[name].append(torch.stack([p.grad for p in model.parameters() if p.grad is not None]))
    parts.close(torch.stack(gradients["closed"]) - torch.stack(gradients["sampled"]), 0.0)


def test_a_ladder_with_one_layer_is_the_plain_vae() -> None:
    plain, _ = parts.model_and_objective("model=mlp")
    assert isinstance(plain, VAE)
    assert isinstance(plain.encoder, nn.Sequential)
    one = LadderVAE(
        [plain.encoder[:-1]], [plain.encoder[-1]], plain.prior, [], plain.decoder, plain.likelihood, dims=[3]
    )
    x = parts.images(plain, 5)
    torch.manual_seed(0)
    expected = plain.trace(x, num_samples=4)
    torch.manual_seed(0)
    given = one.trace(x, num_samples=4)
    torch.testing.assert_close(given.log_px, expected.log_px, rtol=0, atol=0)
    torch.testing.assert_close(given.kl(), expected.kl(), rtol=0, atol=0)
    torch.testing.assert_close(given.log_w(), expected.log_w(), rtol=0, atol=0)


def test_product_of_normals() -> None:
    """N(m, s^2) N(n, t^2) is a normal up to a constant: the difference of log-densities does not depend on z."""
    one, other = (
        torch.distributions.Independent(torch.distributions.Normal(torch.tensor([m]), torch.tensor([s])), 1)
        for m, s in ((0.3, 0.5), (-1.0, 2.0))
    )
    z = torch.linspace(-3, 3, 20).unsqueeze(-1)
    constant = one.log_prob(z) + other.log_prob(z) - product(one, other).log_prob(z)
    torch.testing.assert_close(constant, constant[0].expand(20))
