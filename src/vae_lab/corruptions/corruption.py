"""The base class of corruptions."""

from abc import ABC, abstractmethod

from torch import Tensor, nn

from vae_lab.configuration.options import CorruptionPhase
from vae_lab.corruptions.draws import FreshNoise, Noise, NoiseOfImage


class Corruption(nn.Module, ABC):
    """The base class of corruptions: a random map C(x' | x) before the encoder.

    The encoder infers q(z | x') from the corrupted x'; the likelihood and the loss use the clean x.

    E_C(x' | x) E_q(z | x') [log p(x, z) - log q(z | x')] <= log p(x)

    For every x' this is the ELBO of the clean image with another posterior, so the results are still bounds on its
    log-likelihood: Im et al. 2017, https://arxiv.org/abs/1511.06406. In training every call draws new noise. In
    evaluation an image has one corrupted version, always the same, so that all measures are of the same q(z | x').

    Args:
        when: `training` corrupts training images only. Validation, testing, pictures and the loaded model then use the
            images as they are, so that their results are comparable with those of any other model. `always` corrupts
            the images everywhere, so that the results and pictures show how well the model denoises.
    """

    def __init__(self, when: CorruptionPhase) -> None:
        super().__init__()
        self.when = when
        self.fresh, self.of_image = FreshNoise(), NoiseOfImage()

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            return self.corrupt(x, self.fresh)
        return self.corrupt(x, self.of_image) if self.when == "always" else x

    @abstractmethod
    def corrupt(self, x: Tensor, noise: Noise) -> Tensor:
        """Return the images with noise.

        Args:
            x: of shape (*batch, C, H, W).
            noise: where all random numbers come from.
        """
