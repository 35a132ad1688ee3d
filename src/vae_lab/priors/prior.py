"""What every prior is."""

from abc import ABC, abstractmethod
from typing import ClassVar

from torch import Tensor
from torch.distributions import Distribution

from vae_lab.conditional import Conditional
from vae_lab.pairs import Space


class Prior(Conditional, ABC):
    """A law p(z) over latent vectors of `latent_dim` units.

    `space` says where z lives, which the posterior must share; `event_shape` is the shape of z.
    """

    space: ClassVar[Space] = "real"

    def __init__(self, latent_dim: int) -> None:
        super().__init__()
        self.latent_dim = latent_dim
        self.event_shape: tuple[int, ...] = (latent_dim,)

    @abstractmethod
    def forward(self, c: Tensor | None = None) -> Distribution:
        """p(z), of empty batch shape where the context `c` is None."""
