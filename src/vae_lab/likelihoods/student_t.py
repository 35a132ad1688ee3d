"""Student-t distributions of grey pixels."""

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.distributions import Distribution, Independent
from torch.distributions import StudentT as StudentTDistribution

from vae_lab.configuration.options import PositiveFloat
from vae_lab.likelihoods.likelihood import Likelihood
from vae_lab.likelihoods.scale import bounded_scale, raw_scale


class StudentT(Likelihood):
    """Independent Student-t pixels of given degrees of freedom, with one learned scale; the decoder gives the mean.

    log p(x | z) = sum_i -(v + 1) / 2 log(1 + (x_i - mean_i)^2 / (v s^2)) - log s + log G((v + 1) / 2)
                   - log G(v / 2) - 1/2 log(v pi),  G the gamma function

    A pixel that is far off costs the logarithm of its distance, and under a normal distribution the square: Lange et
    al. 1989, https://doi.org/10.1080/01621459.1989.10478852. The degrees of freedom are an option here, for the tails
    to be the same in the runs that are compared; in the Student-t VAE of Takahashi et al. 2018,
    https://doi.org/10.24963/ijcai.2018/374, the decoder gives them and the scale of each pixel too.

    Args:
        image_shape: channels, height, width.
        df: the degrees of freedom v, above 1 for the mean to exist; 5 has heavy tails and a finite fourth moment.
        initial_scale: the scale s at the start, in units of the pixel range [0, 1].
        min_scale: the smallest scale.

    Raises:
        ValueError: where `initial_scale` is not above `min_scale`.
    """

    support = "real"
    needs_dequantizing = True
    is_set_by_mean = False

    def __init__(
        self,
        image_shape: tuple[int, ...],
        df: Annotated[float, Field(gt=1)] = 5.0,
        initial_scale: PositiveFloat = 1.0,
        min_scale: PositiveFloat = 1e-3,
    ) -> None:
        super().__init__(image_shape)
        self.raw_scale = nn.Parameter(torch.tensor(raw_scale(initial_scale, min_scale)))
        self.min_scale = min_scale
        self.df = df

    @property
    def scale(self) -> Tensor:
        """The scale s, a scalar."""
        return bounded_scale(self.raw_scale, self.min_scale)

    def params_at(self, mean: Tensor) -> Tensor:
        return mean

    def forward(self, params: Tensor) -> Distribution:
        pixels = StudentTDistribution(self.df, params, self.scale.expand_as(params), validate_args=False)
        return Independent(pixels, 3, validate_args=False)
