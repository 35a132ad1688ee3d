"""Likelihoods p(x | z): laws of an image whose parameters the decoder gives.

Each is normalised over its support, so that `log_prob` is a log-density (or a log-probability) of the
whole image in nats, and figures of different likelihoods on the same data mean the same thing.
"""

from abc import ABC, abstractmethod
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.distributions import Bernoulli as BernoulliLaw
from torch.distributions import Distribution, Independent, Normal

from vae_lab.conditional import Conditional
from vae_lab.data.treatment import Support
from vae_lab.options import PositiveFloat


class Likelihood(Conditional, ABC):
    """A family p(x | z) over images of `image_shape` (channels, height, width).

    `support` says where the law lives; `param_shape` what the decoder gives for each image; `params_at` the
    parameters at which the law's mean is a given image, where training starts.
    """

    support: ClassVar[Support]
    params_per_value: ClassVar[int] = 1

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
    def forward(self, c: Tensor | None) -> Distribution:
        """p(x | z), from the decoder's parameters `c` of shape (*batch, *param_shape)."""


class Bernoulli(Likelihood):
    """Independent binary pixels; the decoder gives the logits.

    log p(x | z) = sum_i x_i log p_i + (1 - x_i) log(1 - p_i),  x_i in {0, 1}

    Kingma & Welling 2014, appendix C.1, https://arxiv.org/abs/1312.6114.
    """

    support = "binary"

    def params_at(self, mean: Tensor) -> Tensor:
        # Pixels that are never (or always) on would start at an infinite logit: the clip of Burda et al. 2016,
        # https://github.com/yburda/iwae.
        return mean.clamp(1e-3, 0.999).logit()

    def forward(self, c: Tensor | None) -> Distribution:
        return Independent(BernoulliLaw(logits=c, validate_args=False), 3, validate_args=False)


class Gaussian(Likelihood):
    """Independent normal pixels of one given scale (1 unless told otherwise); the decoder gives the mean.

    log p(x | z) = -||x - mean||^2 / (2 s^2) - D/2 log(2 pi s^2),  D pixel values

    Args:
        image_shape: channels, height, width.
        scale: the standard deviation s, in units of the pixel range [0, 1].
    """

    support = "real"
    scale: Tensor

    def __init__(self, image_shape: tuple[int, ...], scale: PositiveFloat = 1.0) -> None:
        super().__init__(image_shape)
        self.register_buffer("scale", torch.tensor(float(scale)), persistent=False)

    def params_at(self, mean: Tensor) -> Tensor:
        return mean

    def forward(self, c: Tensor | None) -> Distribution:
        assert c is not None, "a likelihood always has a decoder"
        return Independent(Normal(c, self.scale.expand_as(c), validate_args=False), 3, validate_args=False)


class GaussianShared(Likelihood):
    """Independent normal pixels with one learned scale for all; the decoder gives the mean.

    The law is that of `Gaussian` with s = exp(log_scale) a parameter of the model, so that the noise level of
    the data is estimated rather than assumed: Lucas et al. 2019, https://arxiv.org/abs/1911.02469.

    Args:
        image_shape: channels, height, width.
        initial_scale: the standard deviation at the start, in units of the pixel range [0, 1].
        min_scale: the smallest standard deviation; without it a model that reproduces its images exactly would
            have an unbounded density.
    """

    support = "real"

    def __init__(
        self, image_shape: tuple[int, ...], initial_scale: PositiveFloat = 1.0, min_scale: PositiveFloat = 1e-3
    ) -> None:
        super().__init__(image_shape)
        self.log_scale = nn.Parameter(torch.tensor(float(initial_scale)).log())
        self.min_scale = min_scale

    @property
    def scale(self) -> Tensor:
        """The standard deviation s, a scalar."""
        return self.log_scale.exp().clamp(min=self.min_scale)

    def params_at(self, mean: Tensor) -> Tensor:
        return mean

    def forward(self, c: Tensor | None) -> Distribution:
        assert c is not None, "a likelihood always has a decoder"
        return Independent(Normal(c, self.scale.expand_as(c), validate_args=False), 3, validate_args=False)
