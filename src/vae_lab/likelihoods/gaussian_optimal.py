"""The sigma-VAE: a normal law whose shared variance is always the best one."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.distributions import Distribution, Independent, Normal

from vae_lab.configuration.options import PositiveFloat, PositiveInt
from vae_lab.likelihoods.likelihood import Likelihood


class FittedNormal(Normal):
    """A normal law that, asked for the density of images, first fits its variance to them.

    Args:
        loc: the means.
        scale: the scale that it samples with.
        fit: gives the variance for a mean squared error.
    """

    def __init__(self, loc: Tensor, scale: Tensor, fit: Callable[[Tensor], Tensor]) -> None:
        super().__init__(loc, scale, validate_args=False)
        self.fit = fit

    def log_prob(self, value: Tensor) -> Tensor:
        # Detached: the variance is a number that the batch is scored with. At the optimum the density's own
        # derivative by the variance is zero, so the gradient of the batch's average is the same either way.
        scale = self.fit((value - self.loc).detach().square().mean()).sqrt()
        return Normal(self.loc, scale.expand_as(self.loc), validate_args=False).log_prob(value)


class GaussianOptimal(Likelihood):
    """Independent normal pixels whose one variance maximises the likelihood; the decoder gives the mean.

    In training, log p(x | z) = -||x - mean||^2 / (2 s^2) - D/2 log(2 pi s^2) with s^2 the mean squared error of the
    batch, over its images, latent samples and D pixel values; averaged over the batch that is
    -D/2 log MSE - D/2 log(2 pi e), so that no scale has to be chosen or learned: Rybkin et al. 2021, equation 4,
    https://arxiv.org/abs/2006.13202. Several processes each use the error of their own share of the batch.

    A likelihood must not look at the images that it scores. So in evaluation and in sampling s^2 is a number of the
    model, the buffer `variance`: the average of the training batches' errors, at first of all of them, later with
    weights that fade over the last `memory` batches.

    Args:
        image_shape: channels, height, width.
        min_scale: the smallest standard deviation s, in units of the pixel range [0, 1].
        memory: training batches that `variance` is averaged over.
    """

    support = "real"
    needs_dequantizing = True
    is_set_by_mean = False
    variance: Tensor
    num_batches: Tensor

    def __init__(
        self, image_shape: tuple[int, ...], min_scale: PositiveFloat = 1e-3, memory: PositiveInt = 100
    ) -> None:
        super().__init__(image_shape)
        self.min_scale = min_scale
        self.memory = memory
        self.register_buffer("variance", torch.ones(()))
        self.register_buffer("num_batches", torch.zeros(()))

    def fit(self, mean_squared_error: Tensor) -> Tensor:
        """The best variance for a training batch, remembered for evaluation.

        Args:
            mean_squared_error: the batch's, detached.
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
