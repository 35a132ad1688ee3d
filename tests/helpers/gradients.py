"""Gradients on the conjugate model of `exact`, at one image and one q: many of an objective, and the exact ones."""

import math

import torch
from torch import Tensor, nn

from helpers import exact
from vae_lab.likelihoods.gaussian import Gaussian
from vae_lab.models.vae import VAE
from vae_lab.objectives.objective import Loss, Objective
from vae_lab.posteriors.normal import DiagonalNormal
from vae_lab.priors.standard_normal import StandardNormal

X, MEAN, SCALE = 1.3, 0.2, 0.6
NUM = 40_000
G = X - 2 * MEAN
POSTERIOR = (X / 2, math.sqrt(0.5))
# The notation of the closed forms: log w = c + s g e + b e^2 at z = m + s e.
B = 0.5 - SCALE**2
C = -0.5 * math.log(2 * math.pi) + math.log(SCALE) - 0.5 * ((X - MEAN) ** 2 + MEAN**2)


class PerImage(nn.Module):
    """The same parameters for every image, a copy for each: so that one batch gives many independent gradients."""

    def __init__(self, *values: float) -> None:
        super().__init__()
        self.values = nn.Parameter(torch.tensor(values, dtype=torch.float64).repeat(NUM, 1))

    def forward(self, x: Tensor) -> Tensor:
        return self.values


class Shifted(PerImage):
    """The decoder of x | z ~ N(z + shift, 1)."""

    def forward(self, z: Tensor) -> Tensor:
        return (z + self.values).unflatten(-1, (1, 1, 1))


def run(objective: Objective, mean: float = MEAN, scale: float = SCALE) -> tuple[Loss, Tensor, Tensor]:
    """The loss on the conjugate model, and the gradients of the bound for each image: at the mean and log-variance of
    q, (NUM, 2), and at the decoder's shift, (NUM, 1)."""
    torch.manual_seed(0)
    encoder, decoder = PerImage(mean, 2 * math.log(scale)), Shifted(0.0)
    model = VAE(encoder, DiagonalNormal(1), StandardNormal(1), decoder, Gaussian((1, 1, 1))).double()
    loss = objective(model, exact.image(X, NUM))
    loss.value.backward()
    assert encoder.values.grad is not None
    assert decoder.values.grad is not None
    return loss, -NUM * encoder.values.grad, -NUM * decoder.values.grad


def exact_gradient_of_two_samples() -> Tensor:
    """The gradient of the bound of K = 2 samples at (mean, log-variance, shift), by quadrature over the noise."""
    at = torch.tensor([MEAN, 2 * math.log(SCALE), 0.0], dtype=torch.float64, requires_grad=True)
    edges = torch.linspace(-9, 9, 601, dtype=torch.float64)
    e = (edges[1:] + edges[:-1]) / 2
    density = (-0.5 * e.square()).exp() / math.sqrt(2 * math.pi) * (edges[1] - edges[0])
    z = at[0] + (at[1] / 2).exp() * e
    log_q = -0.5 * (e.square() + at[1])
    log_w = -0.5 * (z.square() + (X - z - at[2]).square()) - log_q  # but for a constant
    bound = torch.logaddexp(log_w[:, None], log_w[None, :])
    (gradient,) = torch.autograd.grad((density[:, None] * density * bound).sum(), at)
    return gradient
