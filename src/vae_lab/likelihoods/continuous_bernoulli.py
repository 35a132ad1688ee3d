"""The continuous Bernoulli likelihood: the normalised form of the cross-entropy on grey pixels."""

import torch
from torch import Tensor
from torch.distributions import Distribution, Independent

from vae_lab.distributions.conditional import SampleShape
from vae_lab.likelihoods.likelihood import Likelihood
from vae_lab.maths.densities import continuous_bernoulli_log_normalizer, continuous_bernoulli_mean
from vae_lab.maths.roots import increasing_root

# Below it, in size, a series replaces the inverse distribution function.
SMALL_LOGIT = 0.05


def bernoulli_cumulants(u: Tensor, t: Tensor) -> Tensor:
    """Return log(1 + u (e^t - 1)) / t near t = 0, by the first five cumulants k_n of a Bernoulli variable.

    sum_n k_n t^(n-1) / n!,  k_1 = u, k_2 = v = u (1 - u), k_3 = v (1 - 2u), k_4 = v (1 - 6v), k_5 = k_3 (1 - 12v)
    """
    v, skew = u * (1 - u), 1 - 2 * u
    return u + v * t * (1 / 2 + t * (skew / 6 + t * ((1 - 6 * v) / 24 + t * skew * (1 - 12 * v) / 120)))


class ContinuousBernoulliDistribution(Distribution):
    """The continuous Bernoulli distribution on the unit interval, with density exp(t x - A(t)) for the logit t.

    It replaces `torch.distributions.ContinuousBernoulli`, which clamps its probabilities, so that large logits have no
    gradient, and whose gradient near 1/2 is a difference of large numbers.

    Args:
        logits: t, of any shape.
    """

    arg_constraints = {}  # noqa: RUF012 (torch's own name and type)
    has_rsample = True

    def __init__(self, logits: Tensor) -> None:
        super().__init__(logits.shape, validate_args=False)
        self.logits = logits

    @property
    def mean(self) -> Tensor:
        return continuous_bernoulli_mean(self.logits)

    def log_prob(self, value: Tensor) -> Tensor:
        return self.logits * value - continuous_bernoulli_log_normalizer(self.logits)

    def rsample(self, sample_shape: SampleShape = ()) -> Tensor:
        """Draw samples by the inverse distribution function, F^-1(u) = log(1 + u (e^t - 1)) / t, u ~ U(0, 1).

        t F^-1(u) is the cumulant-generating function of a Bernoulli variable of probability u. Around t = 0 its series
        takes over, as the quotient there loses its gradient to cancellation.
        """
        shape = self._extended_shape(torch.Size(sample_shape))
        u = torch.rand(shape, dtype=self.logits.dtype, device=self.logits.device)
        falling = -self.logits.abs()  # the density falls towards 1; the other half is its mirror image
        flat = falling > -SMALL_LOGIT
        t = torch.where(flat, -torch.ones_like(falling), falling)  # safe in the gradient of both branches
        x = torch.log1p(u * torch.expm1(t)) / t
        near = torch.where(flat, self.logits, torch.zeros_like(falling))
        series = bernoulli_cumulants(torch.where(self.logits > 0, 1 - u, u), near)
        return torch.where(flat, series, torch.where(self.logits > 0, 1 - x, x))


class ContinuousBernoulli(Likelihood):
    """Independent grey pixels in the unit interval; the decoder gives the logits.

    log p(x | z) = sum_i x_i log l_i + (1 - x_i) log(1 - l_i) + log C(l_i),  l = sigmoid(logit)

    It is the cross-entropy of grey pixels with the constant C that makes it a density: Loaiza-Ganem & Cunningham
    2019, https://arxiv.org/abs/1907.06845.
    """

    support = "unit_interval"
    # At exactly 0 or 1 the density grows without bound with the size of the logit.
    needs_dequantizing = True
    is_set_by_mean = True

    def params_at(self, mean: Tensor) -> Tensor:
        # The mean of a dark pixel is about -1 / logit. At a logit of -100 a bright pixel costs 100 nats, so the initial
        # logits go no further.
        return increasing_root(continuous_bernoulli_mean, mean, -100.0, 100.0)

    def forward(self, params: Tensor) -> Distribution:
        return Independent(ContinuousBernoulliDistribution(params), 3, validate_args=False)
