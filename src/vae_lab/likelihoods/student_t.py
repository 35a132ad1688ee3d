"""The Student-t likelihood, for grey pixels."""

import math
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor
from torch.distributions import Distribution, Independent
from torch.distributions import StudentT as TorchStudentT

from vae_lab.configuration.options import PositiveFloat
from vae_lab.distributions.conditional import SampleShape
from vae_lab.likelihoods.shared_scale import SharedScale


class StudentTDistribution(Distribution):
    """The t distribution with a given number of degrees of freedom, which checks nothing when it is made.

    torch's own makes a chi-squared distribution each time, and checks that in every step.

    Args:
        df: the degrees of freedom v, above 1, where the distribution has a mean.
        loc: the mean, of any shape.
        scale: of the same shape.
    """

    arg_constraints = {}  # noqa: RUF012 (torch's own name and type)

    def __init__(self, df: float, loc: Tensor, scale: Tensor) -> None:
        super().__init__(loc.shape, validate_args=False)
        self.df = df
        self.loc = loc
        self.scale = scale

    @property
    def mean(self) -> Tensor:
        return self.loc

    def log_prob(self, value: Tensor) -> Tensor:
        v, z = self.df, (value - self.loc) / self.scale
        log_normalizer = math.lgamma(v / 2) + math.log(v * math.pi) / 2 - math.lgamma((v + 1) / 2)
        return -(v + 1) / 2 * torch.log1p(z.square() / v) - self.scale.log() - log_normalizer

    def sample(self, sample_shape: SampleShape = ()) -> Tensor:
        return TorchStudentT(self.df, self.loc, self.scale, validate_args=False).sample(torch.Size(sample_shape))


class StudentT(SharedScale):
    """Independent Student-t pixels of given degrees of freedom, with one learned scale; the decoder gives the mean.

    log p(x | z) = sum_i -(v + 1) / 2 log(1 + (x_i - mean_i)^2 / (v s^2)) - log s + log G((v + 1) / 2)
                   - log G(v / 2) - 1/2 log(v pi),  G the gamma function

    A pixel that is far off costs the logarithm of its distance, and under a normal distribution the square: Lange et
    al. 1989, https://doi.org/10.1080/01621459.1989.10478852. The degrees of freedom are an option here, so that the
    tails are the same in the runs that are compared; in the Student-t VAE of Takahashi et al. 2018,
    https://doi.org/10.24963/ijcai.2018/374, the decoder gives them and the scale of each pixel too.

    Args:
        image_shape: channels, height, width.
        df: the degrees of freedom v, above 1 for the mean to exist; 5 has heavy tails and a finite fourth moment.
        initial_scale: the scale s at the start, in units of the pixel range [0, 1].
        min_scale: the smallest scale.

    Raises:
        ValueError: if `initial_scale` is not above `min_scale`.
    """

    def __init__(
        self,
        image_shape: tuple[int, ...],
        df: Annotated[float, Field(gt=1)] = 5.0,
        initial_scale: PositiveFloat = 1.0,
        min_scale: PositiveFloat = 1e-3,
    ) -> None:
        super().__init__(image_shape, initial_scale, min_scale)
        self.df = df

    def params_at(self, mean: Tensor) -> Tensor:
        return mean

    def forward(self, params: Tensor) -> Distribution:
        pixels = StudentTDistribution(self.df, params, self.scale.expand_as(params))
        return Independent(pixels, 3, validate_args=False)
