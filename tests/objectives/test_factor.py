"""FactorVAE: the ELBO is its special case, and its density ratio gives the total correlation."""

import math

import pytest
import torch
from torch import Tensor, nn

from helpers import parts
from vae_lab.likelihoods.gaussian import Gaussian
from vae_lab.maths import adversarial
from vae_lab.models.vae import VAE
from vae_lab.objectives.elbo import ELBO
from vae_lab.objectives.factor import FactorVAE
from vae_lab.posteriors.normal import DiagonalNormal
from vae_lab.priors.standard_normal import StandardNormal


def test_without_its_weight_factor_is_the_elbo() -> None:
    model, _ = parts.model_and_objective()
    model, x = model.double(), parts.images(model, 6, torch.float64)
    loss, gradients = parts.loss_and_gradients(model, FactorVAE(3, 0.0, [8]).double(), x)
    gradients = {name: gradient for name, gradient in gradients.items() if not name.startswith("objective")}
    expected, exact_gradients = parts.loss_and_gradients(model, ELBO(), x)
    torch.testing.assert_close(loss.value - loss.terms["discriminator_loss"], expected.value)
    torch.testing.assert_close(gradients, exact_gradients)
    torch.testing.assert_close(loss.terms["elbo"], expected.terms["elbo"])


def test_permuting_keeps_each_dimension_and_makes_them_independent() -> None:
    torch.manual_seed(0)
    z = torch.arange(500.0).unsqueeze(1) + torch.tensor([0.0, 1e4, 2e4])  # dimensions that cannot be mistaken
    permuted = adversarial.permute_dimensions(z)
    torch.testing.assert_close(permuted.sort(0).values, z, rtol=0, atol=0)
    ranks = permuted - torch.tensor([0.0, 1e4, 2e4])
    correlations = torch.corrcoef(ranks.T)[*torch.triu_indices(3, 3, 1)]
    assert correlations.abs().max() < 5 / 500**0.5


class Spread(nn.Module):
    """An encoder of images of two pixels: q(z | x) = N(x, 0.3^2 I)."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x.flatten(1), torch.full_like(x.flatten(1), 2 * math.log(0.3))], -1)


class LogRatio(nn.Module):
    """The optimal discriminator of N(0, [[1, r], [r, 1]]) and its marginals: log q(z) - sum_d log q(z_d)."""

    def __init__(self, correlation: float) -> None:
        super().__init__()
        self.correlation = correlation

    def forward(self, z: Tensor) -> Tensor:
        r, square = self.correlation, z.square().sum(-1)
        quadratic = (square - 2 * r * z.prod(-1)) / (1 - r**2)
        return -0.5 * (math.log(1 - r**2) + quadratic - square)


def correlated_images(correlation: float, num: int) -> Tensor:
    """Images whose codes under `Spread` have unit variance and the given correlation."""
    covariance = torch.tensor([[1, correlation], [correlation, 1]]).double() - 0.3**2 * torch.eye(2).double()
    pixels = torch.randn(num, 2, dtype=torch.float64) @ torch.linalg.cholesky(covariance).T
    return pixels.reshape(num, 1, 1, 2)


def total_correlations(objective: FactorVAE, correlation: float, num_batches: int) -> Tensor:
    """The estimates of some batches of 500."""
    decoder = nn.Unflatten(-1, (1, 1, 2))
    model = VAE(Spread(), DiagonalNormal(2), StandardNormal(2), decoder, Gaussian((1, 1, 2))).double()
    batches = (correlated_images(correlation, 500) for _ in range(num_batches))
    return torch.stack([objective(model, x).terms["total_correlation"] for x in batches])


def test_total_correlation_by_the_optimal_discriminator_is_exact() -> None:
    torch.manual_seed(0)
    correlation = 0.8
    objective = FactorVAE(2, 1.0, [8])
    objective.discriminator = LogRatio(correlation)  # type: ignore[assignment]
    parts.close(total_correlations(objective, correlation, 100), -0.5 * math.log(1 - correlation**2))


@pytest.mark.slow
@pytest.mark.parametrize("correlation", [0.0, 0.8])
def test_total_correlation_by_a_trained_discriminator_comes_near(correlation: float) -> None:
    """From permuted samples alone, within 0.08 nats of 0 and of 0.511."""
    torch.manual_seed(0)
    objective = FactorVAE(2, 1.0, [32, 32]).double()
    optimizer = torch.optim.Adam(objective.parameters(), lr=5e-3)
    for _ in range(400):
        z = correlated_images(correlation, 500).flatten(1)
        z = z + 0.3 * torch.randn_like(z)
        discriminator, permuted = objective.discriminator, adversarial.permute_dimensions(z)
        loss = adversarial.discriminator_loss(discriminator(z), discriminator(permuted))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    estimate = total_correlations(objective, correlation, 40).mean().item()
    assert estimate == pytest.approx(-0.5 * math.log(1 - correlation**2), abs=0.08)
