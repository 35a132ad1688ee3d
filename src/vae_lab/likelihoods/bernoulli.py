"""The Bernoulli likelihood, for binary pixels."""

from torch import Tensor
from torch.distributions import Bernoulli as BernoulliDistribution
from torch.distributions import Distribution, Independent

from vae_lab.likelihoods.likelihood import Likelihood


class Bernoulli(Likelihood):
    """Independent binary pixels; the decoder gives the logits.

    log p(x | z) = sum_i x_i log p_i + (1 - x_i) log(1 - p_i),  x_i in {0, 1}

    Kingma & Welling 2014, appendix C.1, https://arxiv.org/abs/1312.6114.
    """

    support = "binary"
    needs_dequantizing = False
    is_set_by_mean = True

    def params_at(self, mean: Tensor) -> Tensor:
        # Pixels that are never (or always) on would start at an infinite logit, so the mean is clipped as by Burda et
        # al. 2016, https://github.com/yburda/iwae.
        return mean.clamp(1e-3, 0.999).logit()

    def forward(self, params: Tensor) -> Distribution:
        return Independent(BernoulliDistribution(logits=params, validate_args=False), 3, validate_args=False)
