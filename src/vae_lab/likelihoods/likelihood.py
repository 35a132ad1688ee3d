"""What every likelihood is."""

from abc import ABC, abstractmethod
from typing import ClassVar

from torch import Tensor
from torch.distributions import Distribution

from vae_lab.configuration.declarations import Declaring
from vae_lab.configuration.pixels import Support
from vae_lab.distributions.conditional import Conditional


class Likelihood(Conditional, Declaring, ABC):
    """A family p(x | z) over images of `image_shape` (channels, height, width).

    Every likelihood states the attributes without a default as literals, which the configuration check reads as text.

    Attributes:
        support: where pixels lie, "binary", "unit_interval", "real" or "256_levels".
        needs_dequantizing: whether the density at one grey level could grow without end, but for a bound on its scale.
        is_set_by_mean: whether the means of the pixels are all that it learns.
        params_per_value: the numbers that the decoder gives for each pixel value, 1 unless stated.
    """

    support: ClassVar[Support]
    needs_dequantizing: ClassVar[bool]
    is_set_by_mean: ClassVar[bool]
    params_per_value: int = 1  # a wrong one cannot pass unseen: shapes would not fit

    def __init__(self, image_shape: tuple[int, ...]) -> None:
        super().__init__()
        self.image_shape = image_shape

    @property
    def param_shape(self) -> tuple[int, ...]:
        """What the decoder gives for each image: the parameters of a pixel lie along the channels."""
        channels, height, width = self.image_shape
        return (self.params_per_value * channels, height, width)

    @abstractmethod
    def params_at(self, mean: Tensor) -> Tensor:
        """The parameters, of `param_shape`, at which the mean of the distribution is the image `mean`."""

    @abstractmethod
    def forward(self, params: Tensor) -> Distribution:
        """p(x | z), from the decoder's parameters `params` of shape (*batch, *param_shape)."""
