"""A chain of two stochastic layers of one unit each that is solved by hand, and its exact marginal."""

import math

import torch
from torch import Tensor, nn

from vae_lab.likelihoods.gaussian import Gaussian
from vae_lab.models.ladder import LadderVAE
from vae_lab.models.latent_model import LatentModel
from vae_lab.models.two_layer import TwoLayerVAE
from vae_lab.priors.standard_normal import StandardNormal

X, SLOPE, OFFSET, SCALE = 1.3, 0.8, 0.4, 0.7


class Affine(nn.Module):
    """Parameters of N(slope y + offset, scale^2), for y of one unit; an image of one pixel counts as one."""

    def __init__(self, slope: float, offset: float, scale: float) -> None:
        super().__init__()
        self.slope, self.offset = (nn.Parameter(torch.tensor(v, dtype=torch.float64)) for v in (slope, offset))
        self.log_variance = nn.Parameter(torch.tensor(2 * math.log(scale), dtype=torch.float64))

    def forward(self, y: Tensor) -> Tensor:
        y = y.flatten(-3) if y.ndim > 3 else y
        mean = self.slope * y + self.offset
        return torch.cat([mean, self.log_variance.expand_as(mean)], -1)


def two_layers() -> LatentModel:
    """z2 ~ N(0, 1), z1 | z2 ~ N(a z2 + b, s^2), x | z1 ~ N(z1, 1)."""
    return TwoLayerVAE(
        encoder=Affine(0.5, 0.1, 0.8),
        upper_encoder=Affine(0.6, -0.1, 0.7),
        prior=StandardNormal(1),
        upper_decoder=Affine(SLOPE, OFFSET, SCALE),
        decoder=nn.Unflatten(-1, (1, 1, 1)),
        likelihood=Gaussian((1, 1, 1)),
        dims=(1, 1),
    ).double()


def ladder() -> LatentModel:
    """The same generative model, inferred from the top down."""
    return LadderVAE(
        upward=[nn.Flatten(-3), nn.Identity()],
        inferred=[Affine(1.0, 0.1, 1.2), Affine(0.5, -0.1, 0.8)],
        prior=StandardNormal(1),
        downward=[Affine(SLOPE, OFFSET, SCALE)],
        decoder=nn.Unflatten(-1, (1, 1, 1)),
        likelihood=Gaussian((1, 1, 1)),
        dims=(1, 1),
    ).double()


MARGINAL = torch.distributions.Normal(
    torch.tensor(OFFSET, dtype=torch.float64), math.sqrt(SLOPE**2 + SCALE**2 + 1), validate_args=False
)


def image(x: float, num: int) -> Tensor:
    """A batch of `num` copies of an image of one pixel."""
    return torch.full((num, 1, 1, 1), x, dtype=torch.float64)
