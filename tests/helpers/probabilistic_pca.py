"""Probabilistic PCA: the exact maximum of its likelihood, and the training that should reach it."""

import math

import torch

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
