"""Gaussian likelihoods of grey pixels: with a given, a shared learned, or a per-pixel scale."""

import torch
from torch import Tensor
from torch.distributions import Distribution, Independent, Normal

from vae_lab.configuration.options import MeanRange, PositiveFloat
from vae_lab.likelihoods.likelihood import Likelihood
from vae_lab.likelihoods.mean import bounded_mean, raw_mean
from vae_lab.likelihoods.scale import bounded_scale, raw_scale
from vae_lab.likelihoods.shared_scale import SharedScale


class Gaussian(Likelihood):
    """Independent normal pixels with one given scale (1 by default); the decoder gives the mean.

    log p(x | z) = -||x - mean||^2 / (2 s^2) - D/2 log(2 pi s^2),  D pixel values

    Args:
        image_shape: channels, height, width.
        scale: the standard deviation s, in units of the pixel range [0, 1].
        mean_range: `real`, or `unit_interval`, which applies a sigmoid to the decoder's output.
    """

    support = "real"
    needs_dequantizing = False
    is_set_by_mean = True
    scale: Tensor

    def __init__(
        self, image_shape: tuple[int, ...], scale: PositiveFloat = 1.0, mean_range: MeanRange = "real"
    ) -> None:
        super().__init__(image_shape)
        self.register_buffer("scale", torch.tensor(float(scale)), persistent=False)
        self.mean_range = mean_range

    def params_at(self, mean: Tensor) -> Tensor:
        return raw_mean(mean, self.mean_range)

    def forward(self, params: Tensor) -> Distribution:
        mean = bounded_mean(params, self.mean_range)
        return Independent(Normal(mean, self.scale.expand_as(mean), validate_args=False), 3, validate_args=False)


class GaussianShared(SharedScale):
    """Independent normal pixels with one learned scale for all; the decoder gives the mean.

    log p(x | z) = -||x - mean||^2 / (2 s^2) - D/2 log(2 pi s^2),  D pixel values,  s >= min_scale

    s is a parameter of the model, so that the noise level of the data is estimated rather than assumed: Lucas et al.
    2019, https://arxiv.org/abs/1911.02469.

    Args:
        image_shape: channels, height, width.
        initial_scale: the standard deviation s at initialisation, in units of the pixel range [0, 1].
        min_scale: the smallest standard deviation, in the same units. Without it the density of a model that
            reproduces its images exactly would be unbounded.
        mean_range: `real` or `unit_interval`, as in `Gaussian`.

    Raises:
        ValueError: if `initial_scale` is not above `min_scale`.
    """

    def __init__(
        self,
        image_shape: tuple[int, ...],
        initial_scale: PositiveFloat = 1.0,
        min_scale: PositiveFloat = 1e-3,
        mean_range: MeanRange = "real",
    ) -> None:
        super().__init__(image_shape, initial_scale, min_scale)
        self.mean_range = mean_range

    def params_at(self, mean: Tensor) -> Tensor:
        return raw_mean(mean, self.mean_range)

    def forward(self, params: Tensor) -> Distribution:
        mean = bounded_mean(params, self.mean_range)
        return Independent(Normal(mean, self.scale.expand_as(mean), validate_args=False), 3, validate_args=False)


class GaussianPixel(Likelihood):
    """Independent normal pixels; the decoder gives the mean and the scale of each.

    log p(x | z) = sum_i -(x_i - mean_i)^2 / (2 s_i^2) - 1/2 log(2 pi s_i^2),  s_i >= min_scale

    Kingma & Welling 2014, appendix C.2, https://arxiv.org/abs/1312.6114.

    Args:
        image_shape: channels, height, width.
        initial_scale: the standard deviation of every pixel at initialisation, in units of the pixel range [0, 1].
        min_scale: the smallest standard deviation, in the same units. The smaller it is, the lower is the log-density
            of an image that differs from the mean where the scale is small.
        mean_range: `real` or `unit_interval`, as in `Gaussian`; the paper's means are in the unit interval.

    Raises:
        ValueError: if `initial_scale` is not above `min_scale`.
    """

    support = "real"
    needs_dequantizing = True
    is_set_by_mean = False
    params_per_value = 2

    def __init__(
        self,
        image_shape: tuple[int, ...],
        initial_scale: PositiveFloat = 1.0,
        min_scale: PositiveFloat = 0.01,
        mean_range: MeanRange = "real",
    ) -> None:
        super().__init__(image_shape)
        self.initial_raw_scale = raw_scale(initial_scale, min_scale)
        self.min_scale = min_scale
        self.mean_range = mean_range

    def params_at(self, mean: Tensor) -> Tensor:
        return torch.cat([raw_mean(mean, self.mean_range), torch.full_like(mean, self.initial_raw_scale)], -3)

    def forward(self, params: Tensor) -> Distribution:
        raw, raw_scales = params.chunk(2, -3)  # (*batch, C, H, W) each
        mean, scale = bounded_mean(raw, self.mean_range), bounded_scale(raw_scales, self.min_scale)
        return Independent(Normal(mean, scale, validate_args=False), 3, validate_args=False)
