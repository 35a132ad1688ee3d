"""Uniform priors, on the sphere and over categories."""

import torch
from torch import Tensor
from torch.distributions import Distribution, Independent, OneHotCategorical

from vae_lab.configuration.options import AtLeastTwo
from vae_lab.distributions.sphere import UniformSphere as UniformSphereDistribution
from vae_lab.priors.prior import Prior


class UniformSphere(Prior):
    """p(z) = 1 / area(S^{D-1}), uniform on the unit sphere in D = `latent_dim` dimensions.

    Davidson et al. 2018, https://arxiv.org/abs/1804.00891.

    Args:
        latent_dim: D, the dimensions of the space that the sphere lies in.
    """

    space = "sphere"
    is_diagonal = False
    is_fixed = True
    needs_labels = False
    like: Tensor

    def __init__(self, latent_dim: int) -> None:
        super().__init__(latent_dim)
        self.register_buffer("like", torch.zeros(latent_dim), persistent=False)

    def forward(self, c: Tensor | None = None) -> Distribution:
        return UniformSphereDistribution(self.like)


class UniformCategorical(Prior):
    """p(z) = C^-D, uniform over D = `latent_dim` independent one-hot vectors of C categories.

    Jang et al. 2017, https://arxiv.org/abs/1611.01144.

    Args:
        latent_dim: D, the number of categorical variables.
        num_categories: C, which must equal the posterior's.
    """

    space = "categorical"
    is_diagonal = False
    is_fixed = False
    needs_labels = False
    logits: Tensor

    def __init__(self, latent_dim: int, num_categories: AtLeastTwo = 10) -> None:
        super().__init__(latent_dim)
        self.event_shape = (latent_dim, num_categories)
        self.register_buffer("logits", torch.zeros(self.event_shape), persistent=False)

    def forward(self, c: Tensor | None = None) -> Distribution:
        return Independent(OneHotCategorical(logits=self.logits, validate_args=False), 1, validate_args=False)
