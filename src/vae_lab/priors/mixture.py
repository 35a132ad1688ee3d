"""A prior of several normals."""

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from vae_lab.configuration.options import PositiveInt
from vae_lab.distributions.mixture import Mixture
from vae_lab.distributions.normals import diagonal_normal
from vae_lab.priors.prior import Prior


class MixtureOfNormals(Prior):
    """p(z) = sum_k w_k N(z; mean_k, diag(variance_k)), all learned.

    Tomczak & Welling 2018, section 4 (the prior that they call MoG), https://arxiv.org/abs/1705.07120. It starts
    with equal weights, at random means, as wide in all as the standard normal.

    Args:
        latent_dim: units of z.
        num_components: the number of normals.
    """

    space = "real"
    is_diagonal = False
    is_fixed = False
    needs_labels = False

    def __init__(self, latent_dim: int, num_components: PositiveInt = 10) -> None:
        super().__init__(latent_dim)
        half = torch.tensor(0.5)  # of the unit variance lies between the means, the rest around them
        means = half.sqrt() * torch.randn(num_components, latent_dim)
        self.params = nn.Parameter(torch.cat([means, half.log().expand_as(means)], -1))  # (num_components, 2 D)
        self.logits = nn.Parameter(torch.zeros(num_components))

    def forward(self, c: Tensor | None = None) -> Distribution:
        return Mixture(diagonal_normal, self.params, self.logits)
