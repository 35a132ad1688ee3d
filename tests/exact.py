"""Models whose likelihood and posterior are known in closed form."""

import math

import torch
from torch import Tensor, nn

from vae_lab.likelihoods.gaussian import Gaussian
from vae_lab.model import VAE
from vae_lab.posteriors.normal import DiagonalNormal
from vae_lab.priors.standard_normal import StandardNormal


class Given(nn.Module):
    """An encoder that gives the same posterior parameters for every image: N(mean, scale^2)."""

    def __init__(self, mean: float, scale: float) -> None:
        super().__init__()
        self.mean = nn.Parameter(torch.tensor(mean, dtype=torch.float64))
        self.log_variance = nn.Parameter(torch.tensor(2 * math.log(scale), dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        return torch.stack([self.mean, self.log_variance]).expand(len(x), 2)


def conjugate_gaussian(mean: float, scale: float) -> tuple[VAE, Given]:
    """z ~ N(0, 1), x | z ~ N(z, 1), images of one pixel, with q(z | x) = N(mean, scale^2).

    log p(x) = -1/2 log 4 pi - x^2 / 4, and the posterior is N(x / 2, 1 / 2).
    """
    encoder = Given(mean, scale)
    decoder = nn.Unflatten(-1, (1, 1, 1))
    return VAE(encoder, DiagonalNormal(1), StandardNormal(1), decoder, Gaussian((1, 1, 1))).double(), encoder


def log_p(x: float) -> float:
    """The exact log p(x) of the conjugate model."""
    return -0.5 * math.log(4 * math.pi) - x**2 / 4


def elbo(x: float, mean: float, scale: float) -> float:
    """The exact ELBO of the conjugate model: c + b in the notation of the tests."""
    c = -0.5 * math.log(2 * math.pi) + math.log(scale) - 0.5 * ((x - mean) ** 2 + mean**2)
    return c + 0.5 - scale**2


def image(x: float, num: int) -> Tensor:
    """A batch of `num` copies of an image of one pixel."""
    return torch.full((num, 1, 1, 1), x, dtype=torch.float64)
