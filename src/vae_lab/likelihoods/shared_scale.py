"""What likelihoods with one learned scale for all pixels have in common."""

from abc import ABC

import torch
from torch import Tensor, nn

from vae_lab.likelihoods.likelihood import Likelihood
from vae_lab.likelihoods.scale import bounded_scale, raw_scale


class SharedScale(Likelihood, ABC):
    """A likelihood of grey pixels with one learned scale s for all of them; the decoder gives the mean.

    s is a parameter of the model, so that the noise level of the data is estimated rather than assumed: Lucas et al.
    2019, https://arxiv.org/abs/1911.02469. Its density could concentrate on the 256 levels, so they are dequantised.

    Args:
        image_shape: channels, height, width.
        initial_scale: s at initialisation, in units of the pixel range [0, 1].
        min_scale: the smallest s, in the same units. Without it the density of a model that reproduces its images
            exactly would be unbounded.

    Raises:
        ValueError: if `initial_scale` is not above `min_scale`.
    """

    support = "real"
    needs_dequantizing = True
    is_set_by_mean = False

    def __init__(self, image_shape: tuple[int, ...], initial_scale: float, min_scale: float) -> None:
        super().__init__(image_shape)
        self.raw_scale = nn.Parameter(torch.tensor(raw_scale(initial_scale, min_scale)))
        self.min_scale = min_scale

    @property
    def scale(self) -> Tensor:
        """The scale s, a scalar."""
        return bounded_scale(self.raw_scale, self.min_scale)
