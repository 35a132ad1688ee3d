"""The prior that is a mixture of normal distributions."""

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from vae_lab.configuration.options import Size
from vae_lab.distributions.mixture import Mixture
from vae_lab.distributions.normals import diagonal_normal
from vae_lab.priors.prior import Prior


class MixtureOfNormals(Prior):
    """p(z) = sum_k w_k N(z; mean_k, diag(variance_k)), with learned weights, means and variances.

    Tomczak & Welling 2018, section 4 (the prior that they call MoG), https://arxiv.org/abs/1705.07120. The components
    start with equal weights and random means; the variance of the whole mixture starts near 1.

    Args:
        latent_dim: D, the units of z.
        num_components: K, the number of normal components.
    """

    space = "real"
    is_diagonal = False
    is_fixed = False
    needs_labels = False

    def __init__(self, latent_dim: int, num_components: Size = 10) -> None:
        super().__init__(latent_dim)
        half = torch.tensor(0.5)  # of the unit variance, half is that of the means, and half that of each component
        means = half.sqrt() * torch.randn(num_components, latent_dim)
        self.params = nn.Parameter(torch.cat([means, half.log().expand_as(means)], -1))  # (num_components, 2 D)
        self.logits = nn.Parameter(torch.zeros(num_components))

    def forward(self, c: Tensor | None = None) -> Distribution:
        return Mixture(diagonal_normal, self.params, self.logits)
