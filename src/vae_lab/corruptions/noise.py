"""The three corruptions of Vincent et al. 2010, section 3.3, https://jmlr.org/papers/v11/vincent10a.html."""

from torch import Tensor

from vae_lab.configuration.options import CorruptionPhase, OpenUnitInterval, PositiveFloat
from vae_lab.corruptions.corruption import Corruption
from vae_lab.corruptions.draws import Noise


class GaussianNoise(Corruption):
    """Additive normal noise, x' ~ N(x, sigma^2 I); values may leave [0, 1].

    Args:
        sigma: the standard deviation of the noise, in units of the pixel range [0, 1].
        when: `training` or `always`; see `Corruption`.
    """

    def __init__(self, sigma: PositiveFloat = 0.25, when: CorruptionPhase = "training") -> None:
        super().__init__(when)
        self.sigma = sigma

    def corrupt(self, x: Tensor, noise: Noise) -> Tensor:
        return x + self.sigma * noise.normal(x)


class Masking(Corruption):
    """Masking noise: x'_i = 0 with probability `fraction`, else x_i, independently for each pixel value i.

    Args:
        fraction: the expected fraction of pixel values that are masked, in (0, 1).
        when: `training` or `always`; see `Corruption`.
    """

    def __init__(self, fraction: OpenUnitInterval = 0.25, when: CorruptionPhase = "training") -> None:
        super().__init__(when)
        self.fraction = fraction

    def corrupt(self, x: Tensor, noise: Noise) -> Tensor:
        return x.masked_fill(noise.uniform(x) < self.fraction, 0)


class SaltAndPepper(Corruption):
    """Salt-and-pepper noise: x'_i = 0 or 1 with probability `fraction` / 2 each, else x_i, independently for each i.

    Args:
        fraction: the expected fraction of pixel values that are replaced, in (0, 1).
        when: `training` or `always`; see `Corruption`.
    """

    def __init__(self, fraction: OpenUnitInterval = 0.25, when: CorruptionPhase = "training") -> None:
        super().__init__(when)
        self.fraction = fraction

    def corrupt(self, x: Tensor, noise: Noise) -> Tensor:
        u = noise.uniform(x)
        return x.masked_fill(u < self.fraction, 1).masked_fill(u < self.fraction / 2, 0)
