"""Estimate the noise of a gradient estimator from independent gradients of one batch."""

from collections.abc import Iterable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from vae_lab.evaluation.measure import Images
from vae_lab.models.latent_model import LatentModel
from vae_lab.objectives.objective import Objective


class Noise(NamedTuple):
    """The noise of a gradient estimator, and the mean gradient that it has to be compared with.

    Attributes:
        variance: the variance of the whole gradient, the trace of its covariance.
        standard_error: the standard error of that variance.
        num_parameters: the number of parameters, P.
        squared_norm: the squared norm of the mean gradient, estimated without bias, so it may be negative.
    """

    variance: float
    standard_error: float
    num_parameters: int
    squared_norm: float

    @property
    def variance_per_parameter(self) -> float:
        """The variance, averaged over the parameters."""
        return self.variance / self.num_parameters

    @property
    def signal_to_noise(self) -> float:
        """The norm of the mean gradient over the standard deviation of the whole gradient."""
        return (max(self.squared_norm, 0.0) / self.variance) ** 0.5 if self.variance else float("inf")


def estimate_noise(pairs: Iterable[tuple[Tensor, Tensor]]) -> Noise:
    """Estimate the noise of independent gradients that are drawn in pairs; only one pair is held at a time.

    tr Cov(g) = E[|g - g'|^2] / 2,  |E[g]|^2 = E[|mean of n|^2] - tr Cov(g) / n

    Each pair gives an unbiased estimate of the variance. Pairs are independent, so the standard error is that of a
    mean over pairs.

    Args:
        pairs: at least two pairs of gradients, of shape (P,) each.
    """
    halves: list[float] = []
    total: Tensor | None = None
    for one, other in pairs:
        halves.append(0.5 * (one - other).double().square().sum().item())
        both = one.double() + other.double()
        total = both if total is None else total + both
    assert total is not None
    found = torch.tensor(halves, dtype=torch.float64)
    num_gradients = 2 * len(halves)
    variance = found.mean().item()
    squared_norm = (total / num_gradients).square().sum().item() - variance / num_gradients
    return Noise(variance, found.std().item() / len(halves) ** 0.5, total.numel(), squared_norm)


def parameters_of_q(model: LatentModel, images: Images) -> list[nn.Parameter]:
    """Return the parameters that q(z | x) depends on: those of the encoder, and of any other part that infers z."""
    zs = [latent.z for latent in model.trace(images.x, images.c, reparameterize=False).latents]
    log_q = model.log_posterior(images.x, [z[0] for z in zs], images.c).sum()
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    found = torch.autograd.grad(log_q, parameters, allow_unused=True)
    return [parameter for parameter, gradient in zip(parameters, found, strict=True) if gradient is not None]


def gradient(objective: Objective, model: LatentModel, images: Images, parameters: list[nn.Parameter]) -> Tensor:
    """Return one gradient of the loss of a batch, of shape (P,)."""
    value = objective(model, images.x, images.c).value
    return torch.cat([part.flatten() for part in torch.autograd.grad(value, parameters)])
