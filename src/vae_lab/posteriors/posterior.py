"""What every posterior is."""

from abc import ABC, abstractmethod
from typing import ClassVar

from torch import Tensor
from torch.distributions import Distribution

from vae_lab.conditional import Conditional


class Posterior(Conditional, ABC):
    """A family q(z | x).

    `param_shape` is the shape, without batch dimensions, that the encoder must give; `event_shape` that of z;
    `one_pass_density` says whether the density of any z costs no more than that of the law's own sample.
    """

    one_pass_density: ClassVar[bool] = True

    def __init__(self, latent_dim: int) -> None:
        super().__init__()
        self.latent_dim = latent_dim

    @property
    def event_shape(self) -> tuple[int, ...]:
        return (self.latent_dim,)

    @property
    @abstractmethod
    def param_shape(self) -> tuple[int, ...]:
        """What the encoder gives for each image."""

    @abstractmethod
    def forward(self, c: Tensor | None) -> Distribution:
        """q(z | x), from the encoder's parameters `c` of shape (*batch, *param_shape)."""
