"""The Laplace likelihood, for grey pixels."""

from torch import Tensor
from torch.distributions import Distribution, Independent
from torch.distributions import Laplace as LaplaceDistribution

from vae_lab.configuration.options import PositiveFloat
from vae_lab.likelihoods.shared_scale import SharedScale


class Laplace(SharedScale):
    """Independent Laplace pixels with one learned scale for all; the decoder gives the mean.

    log p(x | z) = -||x - mean||_1 / s - D log(2 s),  D pixel values

    The absolute error in place of the squared one gives less weight to single pixels with a large error.

    Args:
        image_shape: channels, height, width.
        initial_scale: the scale s at initialisation, in units of the pixel range [0, 1].
        min_scale: the smallest scale, in the same units.

    Raises:
        ValueError: if `initial_scale` is not above `min_scale`.
    """

    def __init__(
        self, image_shape: tuple[int, ...], initial_scale: PositiveFloat = 1.0, min_scale: PositiveFloat = 1e-3
    ) -> None:
        super().__init__(image_shape, initial_scale, min_scale)

    def params_at(self, mean: Tensor) -> Tensor:
        return mean

    def forward(self, params: Tensor) -> Distribution:
        return Independent(
            LaplaceDistribution(params, self.scale.expand_as(params), validate_args=False), 3, validate_args=False
        )
