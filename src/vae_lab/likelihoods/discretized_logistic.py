"""Logistic likelihoods of grey pixels, rounded to their 256 levels: probabilities, not densities."""

import torch
from torch import Tensor
from torch.distributions import Categorical, Distribution, Independent, MixtureSameFamily

from vae_lab.configuration.options import PositiveFloat, Size
from vae_lab.distributions.conditional import SampleShape
from vae_lab.likelihoods.likelihood import Likelihood
from vae_lab.likelihoods.scale import bounded_scale, raw_scale
from vae_lab.maths.densities import discretized_logistic
from vae_lab.maths.roots import increasing_root

NUM_LEVELS = 256
TOP = NUM_LEVELS - 1

# A location this many scales outside of [0, 1] makes its pixel black (or white) with probability 1 - e^-20.
REACH = 20.0


def discretized_mean(loc: Tensor, scale: Tensor) -> Tensor:
    """Return the mean of a logistic variable that is rounded to the levels, E[x] = 1/255 sum_{k=1}^{255} P(255 x >= k).

    Args:
        loc: the logistic's location, in units of the pixel range [0, 1].
        scale: its scale, in the same units and shape.
    """
    total = torch.zeros_like(loc)
    for level in range(1, NUM_LEVELS):
        total = total + torch.sigmoid((loc - (level - 0.5) / TOP) / scale)
    return total / TOP


class DiscretizedLogisticDistribution(Distribution):
    """The distribution of a logistic variable that is rounded to the nearest of the levels 0, 1/255, ..., 1.

    Args:
        loc: the location before rounding, in units of the pixel range [0, 1].
        scale: the scale before rounding, in the same units and shape.
    """

    arg_constraints = {}  # noqa: RUF012 (torch's own name and type)

    def __init__(self, loc: Tensor, scale: Tensor) -> None:
        super().__init__(loc.shape, validate_args=False)
        self.loc = loc
        self.scale = scale

    @property
    def mean(self) -> Tensor:
        return discretized_mean(self.loc, self.scale)

    def log_prob(self, value: Tensor) -> Tensor:
        return discretized_logistic(value, self.loc, self.scale, NUM_LEVELS)

    @torch.no_grad()
    def sample(self, sample_shape: SampleShape = ()) -> Tensor:
        shape = self._extended_shape(torch.Size(sample_shape))
        u = torch.rand(shape, dtype=self.loc.dtype, device=self.loc.device)
        logistic = self.loc + self.scale * (u.log() - torch.log1p(-u))
        return (logistic * TOP).round().clamp(0, TOP) / TOP


class DiscretizedLogistic(Likelihood):
    """Independent 8-bit pixels, logistic before rounding; the decoder gives location and scale of each.

    P(x | z) = prod_i sigmoid((x_i + w/2 - m_i) / s_i) - sigmoid((x_i - w/2 - m_i) / s_i),  w = 1/255

    The bins of levels 0 and 255 extend to infinity: Kingma et al. 2016, section 5.1,
    https://arxiv.org/abs/1606.04934; Salimans et al. 2017, section 2.1, https://arxiv.org/abs/1701.05517.

    Args:
        image_shape: channels, height, width.
        initial_scale: the logistic's scale s at initialisation, in units of the pixel range [0, 1].
        min_scale: the smallest scale, in the same units. At the default, a quarter of a level, nearly all of the
            probability can be on one level.

    Raises:
        ValueError: if `initial_scale` is not above `min_scale`.
    """

    support = "256_levels"
    needs_dequantizing = False
    is_set_by_mean = False
    params_per_value = 2

    def __init__(
        self, image_shape: tuple[int, ...], initial_scale: PositiveFloat = 0.1, min_scale: PositiveFloat = 1e-3
    ) -> None:
        super().__init__(image_shape)
        self.initial_raw_scale = raw_scale(initial_scale, min_scale)
        self.initial_scale = initial_scale
        self.min_scale = min_scale

    def params_at(self, mean: Tensor) -> Tensor:
        loc = location_for_mean(mean, self.initial_scale)
        return torch.cat([loc, torch.full_like(loc, self.initial_raw_scale)], -3)

    def forward(self, params: Tensor) -> Distribution:
        loc, raw = params.chunk(2, -3)  # (*batch, C, H, W) each
        distribution = DiscretizedLogisticDistribution(loc, bounded_scale(raw, self.min_scale))
        return Independent(distribution, 3, validate_args=False)


class DiscretizedLogisticMixture(Likelihood):
    """Independent 8-bit pixels, a mixture of logistics before rounding; the decoder gives weights and components.

    P(x | z) = prod_i sum_j w_ij P_ij(x_i),  P_ij as in `DiscretizedLogistic`

    Salimans et al. 2017, section 2.1, https://arxiv.org/abs/1701.05517. Unlike there, every channel of a pixel has a
    mixture of its own, and given z the channels are independent.

    Args:
        image_shape: channels, height, width.
        num_components: logistics for each pixel value.
        initial_scale: the logistics' scale at initialisation, in units of the pixel range [0, 1].
        min_scale: the smallest scale, in the same units.

    Raises:
        ValueError: if `initial_scale` is not above `min_scale`.
    """

    support = "256_levels"
    needs_dequantizing = False
    is_set_by_mean = False

    def __init__(
        self,
        image_shape: tuple[int, ...],
        num_components: Size = 5,
        initial_scale: PositiveFloat = 0.1,
        min_scale: PositiveFloat = 1e-3,
    ) -> None:
        super().__init__(image_shape)
        self.num_components = num_components
        self.params_per_value = 3 * num_components
        self.initial_raw_scale = raw_scale(initial_scale, min_scale)
        self.initial_scale = initial_scale
        self.min_scale = min_scale

    def params_at(self, mean: Tensor) -> Tensor:
        # All components are equal and have equal weights; the decoder's random weights break the symmetry.
        loc = location_for_mean(mean, self.initial_scale)
        raw = torch.full_like(loc, self.initial_raw_scale)
        groups = [part.repeat(self.num_components, 1, 1) for part in (torch.zeros_like(loc), loc, raw)]
        return torch.cat(groups, -3)  # (3 M C, H, W)

    def forward(self, params: Tensor) -> Distribution:
        parts = params.unflatten(-3, (3, self.num_components, -1))  # (*batch, 3, M, C, H, W)
        logits, loc, raw = parts.movedim(-4, -1).unbind(-5)  # (*batch, C, H, W, M) each
        components = DiscretizedLogisticDistribution(loc, bounded_scale(raw, self.min_scale))
        weights = Categorical(logits=logits, validate_args=False)
        return Independent(MixtureSameFamily(weights, components, validate_args=False), 3, validate_args=False)


def location_for_mean(mean: Tensor, scale: float) -> Tensor:
    """Return the locations at which rounded logistics of one scale have the given means, clamped to [0.001, 0.999]."""
    scales = torch.full_like(mean, scale)
    mean = mean.clamp(1e-3, 0.999)
    return increasing_root(lambda loc: discretized_mean(loc, scales), mean, -REACH * scale, 1 + REACH * scale)
