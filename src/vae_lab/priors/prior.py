"""What every prior is."""

from abc import ABC, abstractmethod

from torch import Tensor
from torch.distributions import Distribution

from vae_lab.conditional import Conditional


class Prior(Conditional, ABC):
    """A law p(z) over latent vectors of `latent_dim` units."""

    def __init__(self, latent_dim: int) -> None:
        super().__init__()
        self.latent_dim = latent_dim

    @abstractmethod
    def forward(self, c: Tensor | None = None) -> Distribution:
        """p(z), of empty batch shape where the context `c` is None."""
