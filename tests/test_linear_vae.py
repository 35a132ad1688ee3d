"""The linear VAE is probabilistic PCA: trained with the real objective it reaches the exact maximum likelihood."""

import math

import torch

from conftest import composed
from vae_lab import build
from vae_lab.evaluation.validation_bounds import plain_elbo
from vae_lab.models.latent_model import LatentModel
from vae_lab.objectives.objective import Objective

IMAGE_SHAPE, LATENT_DIM = (1, 2, 3), 2


def maximum_log_likelihood(x: torch.Tensor, latent_dim: int) -> float:
    """The log-likelihood of an image, averaged over the data, at the maximum of probabilistic PCA.

    Tipping & Bishop 1999, equations 3 to 8: the noise variance is the mean of the discarded eigenvalues.
    """
    num_dims = x.shape[1]
    eigenvalues = torch.linalg.eigvalsh(torch.cov(x.T, correction=0)).flip(0)
    noise = eigenvalues[latent_dim:].mean()
    log_det = eigenvalues[:latent_dim].log().sum() + (num_dims - latent_dim) * noise.log()
    return -0.5 * (num_dims * math.log(2 * math.pi) + log_det.item() + num_dims)


def fit(model: LatentModel, objective: Objective, images: torch.Tensor, *, num_steps: int, lr: float) -> None:
    """Train on all images at once, with a step size that falls to 0."""
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, num_steps)
    for _ in range(num_steps):
        optimizer.zero_grad()
        objective(model, images).value.backward()
        optimizer.step()
        schedule.step()


def test_reaches_the_exact_log_likelihood() -> None:
    generator = torch.Generator().manual_seed(0)
    loadings = torch.tensor([[0.9, 0.2], [-0.5, 0.6], [0.3, 0.8], [0.0, -0.7], [0.6, 0.1], [-0.2, 0.5]])
    x = torch.randn(1000, LATENT_DIM, generator=generator) @ loadings.T
    x = (0.5 + x + 0.3 * torch.randn(x.shape, generator=generator)).double()
    config = composed("model=linear", "likelihood=gaussian_shared", f"latent_dim={LATENT_DIM}")
    images = x.reshape(-1, *IMAGE_SHAPE)
    model = build.model(config, IMAGE_SHAPE, images.mean(0)).double()
    objective = build.objective(config, num_images=len(images), image_shape=tuple(images.shape[1:]))

    torch.manual_seed(0)
    fit(model, objective, images, num_steps=3000, lr=0.03)

    with torch.no_grad():
        figures = torch.stack([plain_elbo(model, images)["elbo"].mean() for _ in range(100)])
    error = figures.std().item() / 10
    exact = maximum_log_likelihood(x, LATENT_DIM)
    assert figures.mean().item() <= exact + 5 * error, "a bound above the maximum: a constant is wrong"
    assert figures.mean().item() >= exact - 0.01 - 5 * error
