"""The categorical likelihood: a free probability for each of the 256 levels of a pixel."""

import torch
from torch import Tensor
from torch.distributions import Categorical as TorchCategorical
from torch.distributions import Distribution, Independent
from torch.nn.functional import log_softmax

from vae_lab.distributions.conditional import SampleShape
from vae_lab.likelihoods.likelihood import Likelihood

NUM_LEVELS = 256
TOP = NUM_LEVELS - 1


class LevelsDistribution(Distribution):
    """The categorical distribution over the levels 0, 1/255, ..., 1.

    Args:
        logits: unnormalised log-probabilities of the levels, of shape (*batch, 256).
    """

    arg_constraints = {}  # noqa: RUF012 (torch's own name and type)

    def __init__(self, logits: Tensor) -> None:
        super().__init__(logits.shape[:-1], validate_args=False)
        self.log_probs = log_softmax(logits, -1)

    @property
    def mean(self) -> Tensor:
        levels = torch.arange(NUM_LEVELS, dtype=self.log_probs.dtype, device=self.log_probs.device) / TOP
        return self.log_probs.exp() @ levels

    def log_prob(self, value: Tensor) -> Tensor:
        shape = torch.broadcast_shapes(value.shape, self.batch_shape)
        level = (value * TOP).round().long().expand(shape).unsqueeze(-1)  # (..., 1)
        return self.log_probs.expand(*shape, NUM_LEVELS).gather(-1, level).squeeze(-1)

    def sample(self, sample_shape: SampleShape = ()) -> Tensor:
        levels = TorchCategorical(logits=self.log_probs, validate_args=False).sample(torch.Size(sample_shape))
        return levels.to(self.log_probs) / TOP


class Categorical(Likelihood):
    """Independent 8-bit pixels with a free probability for each of the 256 levels; the decoder gives the logits.

    P(x | z) = prod_i softmax(logits_i)[255 x_i]

    van den Oord et al. 2016, section 3.4, https://arxiv.org/abs/1601.06759. It does not use that neighbouring levels
    are similar, and its decoder has 256 outputs for each pixel value.
    """

    support = "256_levels"
    needs_dequantizing = False
    is_set_by_mean = False
    params_per_value = NUM_LEVELS

    def params_at(self, mean: Tensor) -> Tensor:
        # A mixture of the uniform distribution with black or white, so that no level starts with a tiny probability.
        mean = mean.clamp(1e-3, 0.999)
        extreme = (2 * mean - 1).abs()  # (C, H, W), the weight of black or white
        probs = ((1 - extreme) / NUM_LEVELS).repeat(NUM_LEVELS, 1, 1, 1)  # (256, C, H, W)
        probs[0] += extreme * (mean < 0.5)
        probs[-1] += extreme * (mean >= 0.5)
        return probs.log().flatten(0, 1)  # (256 C, H, W)

    def forward(self, params: Tensor) -> Distribution:
        logits = params.unflatten(-3, (NUM_LEVELS, -1)).movedim(-4, -1)  # (*batch, C, H, W, 256)
        return Independent(LevelsDistribution(logits), 3, validate_args=False)
