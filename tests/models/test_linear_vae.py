"""The linear VAE is probabilistic PCA: trained with the real objective it reaches the exact maximum likelihood."""

import pytest
import torch

from helpers.composed import composed
from helpers.probabilistic_pca import IMAGE_SHAPE, LATENT_DIM, fit, maximum_log_likelihood
from vae_lab import build
from vae_lab.evaluation.validation_bounds import plain_elbo


@pytest.mark.slow
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
