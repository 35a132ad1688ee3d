"""The noise of a gradient estimator, from independent gradients of one batch."""

from collections.abc import Iterable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from vae_lab.evaluation.measure import Images
from vae_lab.models.latent_model import LatentModel
from vae_lab.objectives.objective import Objective


class Noise(NamedTuple):
    """What a gradient estimator's noise is, and what stands against it."""

    variance: float  # of the whole gradient: the trace of its covariance
    standard_error: float  # of the variance
    num_parameters: int
    squared_norm: float  # of the mean gradient, estimated without bias, so that noise may make it negative

    @property
    def variance_per_parameter(self) -> float:
        """The mean over the parameters."""
        return self.variance / self.num_parameters

    @property
    def signal_to_noise(self) -> float:
        """The norm of the mean gradient over the standard deviation of the whole gradient."""
        return (max(self.squared_norm, 0.0) / self.variance) ** 0.5 if self.variance else float("inf")


def noise_of(pairs: Iterable[tuple[Tensor, Tensor]]) -> Noise:
    """The noise of gradients that are drawn in pairs, all independent; one pair is held at a time.

    tr Cov(g) = E[|g - g'|^2] / 2,  |E[g]|^2 = E[|mean of n|^2] - tr Cov(g) / n

    A pair gives an unbiased estimate of the variance, and pairs are independent, so its standard error is that of a
    mean.

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
    """The parameters that q(z | x) depends on: the encoder's, and those of whatever else infers z."""
    zs = [latent.z for latent in model.trace(images.x, images.c, reparameterize=False).latents]
    log_q = model.log_posterior(images.x, [z[0] for z in zs], images.c).sum()
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    found = torch.autograd.grad(log_q, parameters, allow_unused=True)
    return [parameter for parameter, gradient in zip(parameters, found, strict=True) if gradient is not None]


def gradient(objective: Objective, model: LatentModel, images: Images, parameters: list[nn.Parameter]) -> Tensor:
    """One gradient of the loss of a batch, of shape (P,)."""
    value = objective(model, images.x, images.c).value
    return torch.cat([part.flatten() for part in torch.autograd.grad(value, parameters)])
