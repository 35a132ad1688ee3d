"""Normal laws of grey pixels."""

import torch
from torch import Tensor, nn
from torch.distributions import Distribution, Independent, Normal

from vae_lab.configuration.options import MeanRange, PositiveFloat
from vae_lab.likelihoods.likelihood import Likelihood
from vae_lab.likelihoods.mean import mean_of, raw_mean
from vae_lab.likelihoods.scale import bounded_scale, raw_scale


class Gaussian(Likelihood):
    """Independent normal pixels of one given scale (1 unless told otherwise); the decoder gives the mean.

    log p(x | z) = -||x - mean||^2 / (2 s^2) - D/2 log(2 pi s^2),  D pixel values

    Args:
        image_shape: channels, height, width.
        scale: the standard deviation s, in units of the pixel range [0, 1].
        mean_range: where the means lie; `unit_interval` puts a sigmoid behind the decoder.
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
        mean = mean_of(params, self.mean_range)
        return Independent(Normal(mean, self.scale.expand_as(mean), validate_args=False), 3, validate_args=False)


class GaussianShared(Likelihood):
    """Independent normal pixels with one learned scale for all; the decoder gives the mean.

    The law is that of `Gaussian` with s a parameter of the model, so that the noise level of
    the data is estimated rather than assumed: Lucas et al. 2019, https://arxiv.org/abs/1911.02469.

    Args:
        image_shape: channels, height, width.
        initial_scale: the standard deviation at the start, in units of the pixel range [0, 1].
        min_scale: the smallest standard deviation; without it a model that reproduces its images exactly would
            have an unbounded density.
        mean_range: where the means lie, as in `Gaussian`.
    """

    support = "real"
    needs_dequantizing = True
    is_set_by_mean = False

    def __init__(
        self,
        image_shape: tuple[int, ...],
        initial_scale: PositiveFloat = 1.0,
        min_scale: PositiveFloat = 1e-3,
        mean_range: MeanRange = "real",
    ) -> None:
        super().__init__(image_shape)
        self.raw_scale = nn.Parameter(torch.tensor(raw_scale(initial_scale, min_scale)))
        self.min_scale = min_scale
        self.mean_range = mean_range

    @property
    def scale(self) -> Tensor:
        """The standard deviation s, a scalar."""
        return bounded_scale(self.raw_scale, self.min_scale)

    def params_at(self, mean: Tensor) -> Tensor:
        return raw_mean(mean, self.mean_range)

    def forward(self, params: Tensor) -> Distribution:
        mean = mean_of(params, self.mean_range)
        return Independent(Normal(mean, self.scale.expand_as(mean), validate_args=False), 3, validate_args=False)


class GaussianPixel(Likelihood):
    """Independent normal pixels; the decoder gives the mean and the scale of each.

    log p(x | z) = sum_i -(x_i - mean_i)^2 / (2 s_i^2) - 1/2 log(2 pi s_i^2),  s_i >= min_scale

    Kingma & Welling 2014, appendix C.2, https://arxiv.org/abs/1312.6114.

    Args:
        image_shape: channels, height, width.
        initial_scale: the standard deviation of every pixel at the start, in units of the pixel range [0, 1].
        min_scale: the smallest standard deviation. The smaller it is, the more an image costs that is unusual where
            the model was certain.
        mean_range: where the means lie, as in `Gaussian`; the paper's are in the unit interval.

    Raises:
        ValueError: where `initial_scale` is not above `min_scale`.
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
        mean, scale = mean_of(raw, self.mean_range), bounded_scale(raw_scales, self.min_scale)
        return Independent(Normal(mean, scale, validate_args=False), 3, validate_args=False)
