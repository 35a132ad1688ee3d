"""The beta likelihood, for grey pixels."""

import torch
from torch import Tensor
from torch.distributions import Beta as TorchBeta
from torch.distributions import Distribution, Independent
from torch.nn.functional import softplus

from vae_lab.distributions.conditional import SampleShape
from vae_lab.likelihoods.likelihood import Likelihood
from vae_lab.maths.densities import log_beta_function

# Pixels are clamped to at least this distance from 0 and 1: half the distance from 1 to the next float32.
MARGIN = 2.0**-24

# The smaller of the two shape parameters at initialisation.
INITIAL_SHAPE = 1.5


class BetaDistribution(Distribution):
    """The beta distribution with shape parameters a, b >= 1, whose log-density is finite at 0 and 1.

    At 0 and 1 the exact log-density is minus infinity, unless the shape parameter is exactly 1. Here it is held
    constant over the outermost 2^-24 of the interval; as the density is bounded for a, b >= 1, its integral hardly
    changes.

    Args:
        a: of any shape.
        b: of the same shape.
    """

    arg_constraints = {}  # noqa: RUF012 (torch's own name and type)

    def __init__(self, a: Tensor, b: Tensor) -> None:
        super().__init__(a.shape, validate_args=False)
        self.a = a
        self.b = b

    @property
    def mean(self) -> Tensor:
        return self.a / (self.a + self.b)

    def log_prob(self, value: Tensor) -> Tensor:
        x = value.clamp(MARGIN, 1 - MARGIN)
        return (self.a - 1) * x.log() + (self.b - 1) * torch.log1p(-x) - log_beta_function(self.a, self.b)

    def sample(self, sample_shape: SampleShape = ()) -> Tensor:
        return TorchBeta(self.a, self.b, validate_args=False).sample(torch.Size(sample_shape))


class Beta(Likelihood):
    """Independent grey pixels in the unit interval; the decoder gives both shape parameters.

    log p(x | z) = sum_i (a_i - 1) log x_i + (b_i - 1) log(1 - x_i) - log B(a_i, b_i),  a, b >= 1

    a and b are 1 + softplus of the decoder's output. They stay above 1, so that the density has one mode and no pole.
    Grey images have many pixels of exactly 0 or 1, where a pole would make the likelihood infinite.
    """

    support = "unit_interval"
    needs_dequantizing = True
    is_set_by_mean = False
    params_per_value = 2

    def params_at(self, mean: Tensor) -> Tensor:
        # The distribution of this mean whose smaller shape parameter is 1.5; their sum is then at most 75. A sharper
        # initial distribution would give unusual pixels a very low log-density.
        mean = mean.clamp(0.02, 0.98)
        total = INITIAL_SHAPE / torch.minimum(mean, 1 - mean)
        shapes = torch.cat([total * mean, total * (1 - mean)], -3)
        excess = shapes - 1
        return excess + (-torch.expm1(-excess)).log()  # the inverse of softplus

    def forward(self, params: Tensor) -> Distribution:
        a, b = (1 + softplus(params)).chunk(2, -3)  # (*batch, C, H, W) each
        return Independent(BetaDistribution(a, b), 3, validate_args=False)
