"""Where the noise of a corruption comes from: in training from the seeded generators, in evaluation from the image."""

import math
from abc import ABC, abstractmethod

import torch
from torch import Tensor

from vae_lab.seeding import RngStream, derive_seed

EVENT_DIMS = 3  # channels, height, width

# Of a random integer of 64 bits, as many as float32 holds exactly.
BITS = 24

# The steps of the levels that an image is read at: finer than 8 bits, and integers, whose sums depend on no order.
LEVELS = 2**20

# The constants of SplitMix64 as signed integers: Steele et al. 2014, https://doi.org/10.1145/2660193.2660195.
INCREMENT = -0x61C8864680B583EB
FIRST_FACTOR = -0x40A7B892E31B1A47
SECOND_FACTOR = -0x6B2FB644ECCEEE15


class Noise(ABC):
    """A source of independent numbers, one for each value of a batch of images (*batch, C, H, W)."""

    @abstractmethod
    def uniform(self, x: Tensor) -> Tensor:
        """Return numbers of U[0, 1), in the shape and dtype of `x`."""

    @abstractmethod
    def normal(self, x: Tensor) -> Tensor:
        """Return numbers of N(0, 1), in the shape and dtype of `x`."""


class FreshNoise(Noise):
    """Numbers from the default generators, which every training step seeds for itself: new ones at every call."""

    def uniform(self, x: Tensor) -> Tensor:
        return torch.rand(x.shape, device=x.device, dtype=x.dtype)

    def normal(self, x: Tensor) -> Tensor:
        return torch.randn(x.shape, device=x.device, dtype=x.dtype)


class NoiseOfImage(Noise):
    """Numbers that are a fixed function of the image: the same in every pass, batch, measure and process.

    u_i = mix(mix(sum_j (2 mix(j) + 1) x_j) + i), of image x and pixel value i, in integers modulo 2^64, where `mix` is
    SplitMix64 with a fixed seed: Steele et al. 2014, https://doi.org/10.1145/2660193.2660195. So an image has one
    corrupted version in evaluation, and q(z | x') is one distribution in whatever it is compared with. Images that are
    equal get equal noise.
    """

    def __init__(self) -> None:
        self.seed = derive_seed(0, RngStream.CORRUPTION)

    def uniform(self, x: Tensor) -> Tensor:
        return self._integers(x).to(x.dtype) / 2**BITS

    def normal(self, x: Tensor) -> Tensor:
        # 2 u - 1 at the middles of the 2^24 steps, so that no number is infinite.
        odd = 2 * self._integers(x) + 1 - 2**BITS
        wide = x.dtype if x.dtype == torch.float64 else torch.float32
        return (math.sqrt(2) * (odd.to(wide) / 2**BITS).erfinv()).to(x.dtype)

    def _integers(self, x: Tensor) -> Tensor:
        """Return an integer in [0, 2^24) for each value of the images, of the same shape."""
        shape = x.shape[-EVENT_DIMS:]
        position = torch.arange(math.prod(shape), device=x.device).reshape(shape)
        weights = 2 * mix(position + self.seed) + 1
        levels = (x.float() * LEVELS).round().long()
        key = (levels * weights).sum(tuple(range(-EVENT_DIMS, 0)), keepdim=True)  # (*batch, 1, 1, 1)
        return shifted(mix(mix(key + self.seed) + position), 64 - BITS)


def mix(numbers: Tensor) -> Tensor:
    """Return the outputs of SplitMix64 at counters of any shape, in int64."""
    z = numbers * INCREMENT
    z = (z ^ shifted(z, 30)) * FIRST_FACTOR
    z = (z ^ shifted(z, 27)) * SECOND_FACTOR
    return z ^ shifted(z, 31)


def shifted(numbers: Tensor, bits: int) -> Tensor:
    """Shift integers of 64 bits to the right, with zeros on the left; torch repeats the sign there."""
    return (numbers >> bits) & ((1 << (64 - bits)) - 1)
