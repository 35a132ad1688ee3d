"""Normal posteriors, with a diagonal or a full covariance."""

import torch
from torch import Tensor
from torch.distributions import Distribution

from vae_lab.distributions.normals import diagonal_normal, scale_from_log_variance
from vae_lab.distributions.pushforward import CholeskyNormal
from vae_lab.posteriors.posterior import Posterior


class DiagonalNormal(Posterior):
    """q(z | x) = N(mean, diag(variance)); the encoder gives the mean and the logarithm of the variance.

    Kingma & Welling 2014, section 3, https://arxiv.org/abs/1312.6114.

    Args:
        latent_dim: D, the units of z.
    """

    space = "real"
    has_density = True
    cheap_log_prob = True
    reparameterized = True
    relaxed = False
    is_diagonal = True

    @property
    def param_shape(self) -> tuple[int, ...]:
        return (2 * self.latent_dim,)

    def forward(self, params: Tensor) -> Distribution:
        return diagonal_normal(params)


class FullCovarianceNormal(Posterior):
    """q(z | x) = N(mean, L L'), with L = diag(s) (I + N) and N strictly lower triangular.

    The encoder gives the mean, the logarithm of s^2, and the entries of N row by row. With N = 0 it is the diagonal
    posterior. Kingma & Welling 2019, section 2.5.1, https://arxiv.org/abs/1906.02691.

    Args:
        latent_dim: D, the units of z.

    Attributes:
        rows: row indices of the entries of N, of shape (D (D - 1) / 2,).
        columns: their column indices, of the same shape.
    """

    space = "real"
    has_density = True
    cheap_log_prob = True
    reparameterized = True
    relaxed = False
    is_diagonal = False
    rows: Tensor
    columns: Tensor

    def __init__(self, latent_dim: int) -> None:
        super().__init__(latent_dim)
        rows, columns = torch.tril_indices(latent_dim, latent_dim, -1)
        self.register_buffer("rows", rows, persistent=False)
        self.register_buffer("columns", columns, persistent=False)

    @property
    def param_shape(self) -> tuple[int, ...]:
        return (2 * self.latent_dim + len(self.rows),)

    def forward(self, params: Tensor) -> Distribution:
        mean, log_variance, entries = params.split([self.latent_dim, self.latent_dim, len(self.rows)], -1)
        mixing = params.new_zeros(*params.shape[:-1], self.latent_dim, self.latent_dim)  # (*batch, D, D)
        mixing[..., self.rows, self.columns] = entries
        return CholeskyNormal(mean, scale_from_log_variance(log_variance), mixing)
