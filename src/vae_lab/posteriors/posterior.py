"""What every posterior is."""

from abc import ABC, abstractmethod
from typing import ClassVar

from torch import Tensor
from torch.distributions import Distribution

from vae_lab.configuration.declarations import Declaring, Space
from vae_lab.distributions.conditional import Conditional


class Posterior(Conditional, Declaring, ABC):
    """A family q(z | x).

    `param_shape` is the shape, without batch dimensions, that the encoder must give; `event_shape` that of z. Every
    posterior states the attributes without a default as literals, which the configuration check reads as text.

    Attributes:
        space: where z lies, "real", "categorical" or "sphere"; the prior must share it.
        has_density: whether q has a density there, without which a model has no ELBO.
        cheap_log_prob: whether log q at any z costs one pass, however many units z has.
        reparameterized: whether the gradient through a sample in training is that of the mean over samples.
        relaxed: whether samples in training lie outside the space, so that log q at them is no log-density.
        is_diagonal: whether the units of z are independent normals.
        min_latent_dim: the fewest latent dimensions that it is defined for, 1 unless stated.
    """

    space: ClassVar[Space]
    has_density: ClassVar[bool]
    cheap_log_prob: ClassVar[bool]
    reparameterized: ClassVar[bool]
    relaxed: ClassVar[bool]
    is_diagonal: ClassVar[bool]
    min_latent_dim: ClassVar[int] = 1  # too low a one cannot pass unseen: the first sample would fail

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
