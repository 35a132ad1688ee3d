"""The prior that is a normalising flow."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.distributions import Distribution

from vae_lab.configuration.options import Depth, Size
from vae_lab.distributions.flows import FlowDistribution, inverse_steps, spline_steps
from vae_lab.distributions.normals import diagonal_normal
from vae_lab.priors.prior import Prior


class FlowPrior(Prior):
    """p(z) by a flow f of autoregressive rational-quadratic splines, which maps z to standard normal noise.

    log p(z) = log N(f(z); 0, I) + log|det df/dz|

    Durkan et al. 2019, https://arxiv.org/abs/1906.04032; as a prior, Chen et al. 2017,
    https://arxiv.org/abs/1611.02731. The density takes one pass through each step, and a sample one pass for each
    unit.

    Args:
        latent_dim: D, the units of z.
        depth: the number of steps; with 0 the prior is the standard normal.
        hidden_sizes: units of the hidden layers of each step's network.
        num_bins: pieces of each spline.

    Attributes:
        standard: the mean and the log-variance of the noise, all zero, of shape (2 D,).
    """

    space = "real"
    is_diagonal = False
    is_fixed = False
    needs_labels = False
    standard: Tensor

    def __init__(
        self,
        latent_dim: int,
        depth: Depth = 3,
        hidden_sizes: Sequence[Size] = (64, 64),
        num_bins: Size = 8,
    ) -> None:
        super().__init__(latent_dim)
        self.depth = depth
        self.steps = spline_steps(latent_dim, depth, hidden_sizes, num_bins)
        # A buffer, whose device and dtype are also those of z.
        self.register_buffer("standard", torch.zeros(2 * latent_dim), persistent=False)

    def forward(self, c: Tensor | None = None) -> Distribution:
        if self.depth == 0:
            return diagonal_normal(self.standard)
        return FlowDistribution(self.standard[: self.latent_dim], inverse_steps(self.steps(None)))
