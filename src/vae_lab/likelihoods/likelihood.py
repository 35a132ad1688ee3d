"""What every likelihood is."""

from abc import ABC, abstractmethod
from typing import ClassVar

from torch import Tensor
from torch.distributions import Distribution

from vae_lab.configuration.pixels import Support
from vae_lab.distributions.conditional import Conditional


class Likelihood(Conditional, ABC):
    """A family p(x | z) over images of `image_shape` (channels, height, width).

    `support` says where the law lives; `param_shape` what the decoder gives for each image; `params_at` the
    parameters at which the law's mean is a given image, where training starts. `needs_dequantizing` says whether the
    density could grow without end (but for a bound on its scale) on pixels that only take 256 values, so that its
    figures would mean little on them. The configuration check reads both as text: write them as literals.
    """

    support: ClassVar[Support]
    needs_dequantizing: ClassVar[bool] = False
    is_set_by_mean: ClassVar[bool] = False  # whether the means of the pixels are all that it learns
    params_per_value: int = 1

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
        """The parameters, of `param_shape`, at which the mean of the law is the image `mean`."""

    @abstractmethod
    def forward(self, params: Tensor) -> Distribution:
        """p(x | z), from the decoder's parameters `params` of shape (*batch, *param_shape)."""
