"""Corruptions: random noise on the images that the encoder of a denoising model gets as input."""

from typing import TYPE_CHECKING

from vae_lab.configuration.public_names import lazy_names

if TYPE_CHECKING:
    from vae_lab.corruptions.corruption import Corruption as Corruption
    from vae_lab.corruptions.noise import GaussianNoise as GaussianNoise
    from vae_lab.corruptions.noise import Masking as Masking
    from vae_lab.corruptions.noise import SaltAndPepper as SaltAndPepper

__getattr__, __dir__ = lazy_names(__name__)
