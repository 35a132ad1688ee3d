"""The likelihood of the sigma-VAE: a normal distribution whose shared variance is always the optimal one."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.distributions import Distribution, Independent, Normal

from vae_lab.configuration.options import PositiveFloat, Size
from vae_lab.likelihoods.likelihood import Likelihood
from vae_lab.maths.processes import mean_over_processes


class FittedNormal(Normal):
    """A normal distribution whose `log_prob` first fits the variance to the images that it is called with.

    Args:
        loc: the means, of shape (*batch, C, H, W).
        scale: the scale that `sample` uses, of the same shape.
        fit: returns the variance for a mean squared error, both of shape ().
    """

    def __init__(self, loc: Tensor, scale: Tensor, fit: Callable[[Tensor], Tensor]) -> None:
        super().__init__(loc, scale, validate_args=False)
        self.fit = fit

    def log_prob(self, value: Tensor) -> Tensor:
        # Detached: at the optimum the derivative of the batch's log-density with respect to the variance is zero, so
        # the gradient of its average is the same either way.
        scale = self.fit(mean_over_processes((value - self.loc).detach().square().mean())).sqrt()
        return Normal(self.loc, scale.expand_as(self.loc), validate_args=False).log_prob(value)


class GaussianOptimal(Likelihood):
    """Independent normal pixels with one variance, which maximises the likelihood; the decoder gives the mean.

    In training, log p(x | z) = -||x - mean||^2 / (2 s^2) - D/2 log(2 pi s^2) with s^2 the mean squared error of the
    batch, over its images, latent samples and D pixel values. Its average over the batch is
    -D/2 log MSE - D/2 log(2 pi e), so that no scale has to be chosen or learned: Rybkin et al. 2021, equation 4,
    https://arxiv.org/abs/2006.13202. With several processes it is the error of the batch of all of them.

    A likelihood must not depend on the images whose density it computes. In evaluation and in sampling, s^2 is
    therefore fixed: it is the average of the training batches' errors, first over all of them, later over about the
    last `memory` batches, with exponentially decaying weights.

    Args:
        image_shape: channels, height, width.
        min_scale: the smallest standard deviation s, in units of the pixel range [0, 1].
        memory: the number of training batches that `variance` averages over.

    Attributes:
        variance: s^2 in evaluation and in sampling, of shape ().
        num_batches: training batches so far, at most `memory`, of shape ().
    """

    support = "real"
    needs_dequantizing = True
    is_set_by_mean = False
    variance: Tensor
    num_batches: Tensor

    def __init__(self, image_shape: tuple[int, ...], min_scale: PositiveFloat = 1e-3, memory: Size = 100) -> None:
        super().__init__(image_shape)
        self.min_scale = min_scale
        self.memory = memory
        self.register_buffer("variance", torch.ones(()))
        self.register_buffer("num_batches", torch.zeros(()))

    def fit(self, mean_squared_error: Tensor) -> Tensor:
        """Return the optimal variance for a training batch, and update the average for evaluation.

        Args:
            mean_squared_error: of the batch, detached, of shape ().
        """
        variance = mean_squared_error.clamp(min=self.min_scale**2)
        self.num_batches.copy_((self.num_batches + 1).clamp(max=self.memory))
        self.variance.copy_(self.variance.lerp(variance.to(self.variance), 1 / self.num_batches))
        return variance

    def params_at(self, mean: Tensor) -> Tensor:
        return mean

    def forward(self, params: Tensor) -> Distribution:
        scale = self.variance.sqrt().expand_as(params)
        pixels = FittedNormal(params, scale, self.fit) if self.training else Normal(params, scale, validate_args=False)
        return Independent(pixels, 3, validate_args=False)
