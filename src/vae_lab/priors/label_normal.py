"""The prior that depends on the class of the image."""

import torch
from torch import Tensor, nn
from torch.distributions import Distribution, Independent, Normal

from vae_lab.distributions.limits import limit
from vae_lab.distributions.pushforward import without_autocast
from vae_lab.priors.prior import Prior


class LabelNormal(Prior):
    """p(z | class) = N(mean, diag(scale^2)), with a learned mean and scale for each class.

    Sohn et al. 2015, section 4.1,
    https://papers.nips.cc/paper/5775-learning-structured-output-representation-using-deep-conditional-generative-models

    Args:
        latent_dim: D, the units of z.
        num_classes: the number of classes.
    """

    space = "real"
    is_diagonal = True
    is_fixed = False
    needs_labels = True

    def __init__(self, latent_dim: int, num_classes: int) -> None:
        super().__init__(latent_dim)
        self.means = nn.Parameter(0.1 * torch.randn(num_classes, latent_dim))
        self.log_scales = nn.Parameter(torch.zeros(num_classes, latent_dim))

    def forward(self, c: Tensor | None = None) -> Distribution:
        """Return p(z | c) of batch shape (*batch,), for one-hot classes `c` of shape (*batch, num_classes).

        Raises:
            ValueError: if `c` is None.
        """
        if c is None:
            raise ValueError("prior=label_normal: c must be one-hot classes of shape (*batch, num_classes), got None")
        weights = c.to(self.means.dtype)
        with without_autocast(weights):  # a product in half precision would round the parameters
            mean, log_scale = weights @ self.means, weights @ self.log_scales  # (*batch, D) each
        return Independent(Normal(mean, limit(log_scale, -15, 15).exp(), validate_args=False), 1, validate_args=False)
