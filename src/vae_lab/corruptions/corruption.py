"""The base class of corruptions."""

from abc import ABC, abstractmethod

from torch import Tensor, nn

from vae_lab.configuration.options import CorruptionPhase


class Corruption(nn.Module, ABC):
    """The base class of corruptions: a random map C(x' | x) before the encoder.

    The encoder infers q(z | x') from the corrupted x'; the likelihood and the loss use the clean x.

    E_C(x' | x) E_q(z | x') [log p(x, z) - log q(z | x')] <= log p(x)

    For every x' this is the ELBO of the clean image with another posterior, so the results are still bounds on its
    log-likelihood: Im et al. 2017, https://arxiv.org/abs/1511.06406. Every call draws new noise, from the default
    generators, which every training and evaluation step seeds for itself.

    Args:
        when: `training` corrupts training images only. Validation, testing, pictures and the loaded model then use the
            images as they are, so that their results are comparable with those of any other model. `always` corrupts
            the images everywhere, so that the results and pictures show how well the model denoises.
    """

    def __init__(self, when: CorruptionPhase) -> None:
        super().__init__()
        self.when = when

    def forward(self, x: Tensor) -> Tensor:
        return self.corrupt(x) if self.training or self.when == "always" else x

    @abstractmethod
    def corrupt(self, x: Tensor) -> Tensor:
        """Return the images, of shape (*batch, C, H, W), with new noise."""
