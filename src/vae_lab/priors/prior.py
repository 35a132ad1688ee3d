"""What every prior is."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar

from torch import Tensor
from torch.distributions import Distribution

from vae_lab.configuration.declarations import Space
from vae_lab.distributions.conditional import Conditional


class Prior(Conditional, ABC):
    """A law p(z) over latent vectors of `latent_dim` units.

    `space` says where z lives, which the posterior must share; `event_shape` is the shape of z.
    """

    space: ClassVar[Space] = "real"
    is_diagonal: ClassVar[bool] = False  # whether its units are independent normals
    is_fixed: ClassVar[bool] = False  # whether it is one law of vectors, without parameters to learn
    needs_labels: ClassVar[bool] = False  # its `__init__` is then given `num_classes`, and its laws the classes

    def __init__(self, latent_dim: int) -> None:
        super().__init__()
        self.latent_dim = latent_dim
        self.event_shape: tuple[int, ...] = (latent_dim,)

    @abstractmethod
    def forward(self, c: Tensor | None = None) -> Distribution:
        """p(z), of empty batch shape where the context `c` is None."""


class EncoderPrior(Prior, ABC):
    """A prior made of posteriors: it must meet the model's encoder before it is a law.

    The check of a configuration reads `scores_posteriors`: such a prior goes with posteriors of `cheap_log_prob`.
    """

    scores_posteriors: ClassVar[bool] = True

    @abstractmethod
    def introduce(self, encode: Callable[[Tensor], Distribution], pixel_mean: Tensor) -> None:
        """Meet the encoder; `vae_lab.build` calls this once, when the model stands.

        Args:
            encode: the model's map from images (*batch, C, H, W) to q(z | x). Its parameters stay the model's: they
                are learned from the prior's side too, and saved once.
            pixel_mean: the mean training image, of shape (C, H, W).
        """
