"""What every prior is."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar

from torch import Tensor
from torch.distributions import Distribution

from vae_lab.configuration.declarations import Declaring, Space
from vae_lab.distributions.conditional import Conditional


class Prior(Conditional, Declaring, ABC):
    """A distribution p(z) over latent vectors of `latent_dim` units.

    `event_shape` is the shape of z. Every prior states the attributes without a default as literals, which the
    configuration check reads as text.

    Attributes:
        space: where z lies, "real", "categorical" or "sphere"; the posterior must share it.
        is_diagonal: whether the units of z are independent normals.
        is_fixed: whether it is one distribution of vectors (not one-hot ones), without parameters to learn.
        needs_labels: whether it has a distribution for each class; `__init__` is then given `num_classes`.
        scores_posteriors: whether its density is made of posteriors, as that of an `EncoderPrior` is.
    """

    space: ClassVar[Space]
    is_diagonal: ClassVar[bool]
    is_fixed: ClassVar[bool]
    needs_labels: ClassVar[bool]
    scores_posteriors: ClassVar[bool] = False  # only an `EncoderPrior` is given the encoder, and there it is stated

    def __init__(self, latent_dim: int) -> None:
        super().__init__()
        self.latent_dim = latent_dim
        self.event_shape: tuple[int, ...] = (latent_dim,)

    @abstractmethod
    def forward(self, c: Tensor | None = None) -> Distribution:
        """p(z), of empty batch shape where the context `c` is None."""


class EncoderPrior(Prior, ABC):
    """A prior made of posteriors: it must be given the model's encoder before it can be used.

    The check of a configuration reads `scores_posteriors`: such a prior goes with posteriors of `cheap_log_prob`.
    """

    scores_posteriors = True

    @abstractmethod
    def introduce(self, encode: Callable[[Tensor], Distribution], pixel_mean: Tensor) -> None:
        """Meet the encoder; `vae_lab.build` calls this once, when the model stands.

        Args:
            encode: the model's map from images (*batch, C, H, W) to q(z | x). Its parameters stay the model's: they
                are learned from the prior's side too, and saved once.
            pixel_mean: the mean training image, of shape (C, H, W).
        """
