"""The standard normal prior."""

import torch
from torch import Tensor
from torch.distributions import Distribution, Independent, Normal

from vae_lab.priors.prior import Prior


class StandardNormal(Prior):
    """p(z) = N(0, I): Kingma & Welling 2014, section 3, https://arxiv.org/abs/1312.6114.

    Args:
        latent_dim: D, the units of z.
    """

    space = "real"
    is_diagonal = True
    is_fixed = True
    needs_labels = False
    loc: Tensor
    scale: Tensor

    def __init__(self, latent_dim: int) -> None:
        super().__init__(latent_dim)
        self.register_buffer("loc", torch.zeros(latent_dim), persistent=False)
        self.register_buffer("scale", torch.ones(latent_dim), persistent=False)

    def forward(self, c: Tensor | None = None) -> Distribution:
        return Independent(Normal(self.loc, self.scale, validate_args=False), 1, validate_args=False)
