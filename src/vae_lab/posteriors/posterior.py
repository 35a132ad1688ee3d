"""What every posterior is."""

from abc import ABC, abstractmethod
from typing import ClassVar

from torch import Tensor
from torch.distributions import Distribution

from vae_lab.configuration.declarations import Space
from vae_lab.distributions.conditional import Conditional


class Posterior(Conditional, ABC):
    """A family q(z | x).

    `param_shape` is the shape, without batch dimensions, that the encoder must give; `event_shape` that of z.
    `space` says where z lives, which the prior must share; `has_density` whether q has a density there, without
    which a model has no ELBO; `cheap_log_prob` whether the density of any z costs no more than that of the law's own
    sample; `reparameterized` whether gradients pass through its samples; `relaxed` whether those samples are relaxed,
    so that log q at them is not that of the law.
    """

    space: ClassVar[Space] = "real"
    has_density: ClassVar[bool] = True
    cheap_log_prob: ClassVar[bool] = True
    reparameterized: ClassVar[bool] = True
    relaxed: ClassVar[bool] = False
    is_diagonal: ClassVar[bool] = False  # whether its units are independent normals
    min_latent_dim: ClassVar[int] = 1

    def __init__(self, latent_dim: int) -> None:
        super().__init__()
        if latent_dim < self.min_latent_dim:
            raise ValueError(f"latent_dim={latent_dim}: it must be at least {self.min_latent_dim}")
        self.latent_dim = latent_dim
        self.event_shape: tuple[int, ...] = (latent_dim,)
        self.decoder_gain = 1.0  # what a decoder sees is z times this: a unit's spread is then about 1

    def centre(self, q: Distribution) -> Tensor:
        """The one z that stands for q where a picture needs one: the mean, where z is a real vector, else the mode."""
        return q.mean if self.space == "real" else q.mode

    @property
    @abstractmethod
    def param_shape(self) -> tuple[int, ...]:
        """What the encoder gives for each image."""

    @abstractmethod
    def forward(self, params: Tensor) -> Distribution:
        """q(z | x), from the encoder's parameters `params` of shape (*batch, *param_shape)."""
