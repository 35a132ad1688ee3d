"""Random seeds: every random number depends on its position in the experiment, never on the generator's history.

The random numbers of a training batch depend on (seed, rank, epoch, batch) only. So a run that was interrupted and
resumed draws the same numbers as one that was not, and drawing figures in between changes nothing.
"""

from enum import IntEnum, unique

import numpy as np
import torch


@unique
class RngStream(IntEnum):
    """Independent streams of random numbers within one experiment."""

    WEIGHTS = 0  # initial parameters
    ORDER = 1  # shuffling
    PIXELS = 2  # fresh binarisation or dequantisation of training batches
    TRAIN = 3  # latent samples, by purpose
    VALIDATE = 4
    TEST = 5
    FIGURES = 6
    SPLIT = 7  # the choice of held-out images; its seed is fixed, so that all seeds use the same images
    HELD_OUT = 8  # binarisation or dequantisation of held-out images, drawn once, with a fixed seed
    SUBSET = 9  # the choice of images of an evaluation, with a fixed seed
    BOUNDS = 10  # latent samples of evaluation, by measure and block of images and samples
    IMPORTANCE = 11
    AGGREGATE = 12
    UNITS = 13
    AMORTISATION = 14
    ANNEALING = 15
    POSTERIOR = 16
    PER_IMAGE = 17
    DRAWS = 20  # samples of a trained model
    ANOMALY = 21  # the permutation of pixels, and latent samples
    CORRUPTION = 22  # of the images that are measured, with a fixed seed
    FITTING = 30  # fitting baselines of gradient estimators
    GRADIENTS = 31  # the compared gradients


def derive_seed(seed: int, stream: RngStream, *position: int) -> int:
    """Derive a 63-bit seed for a position in a stream.

    `numpy.random.SeedSequence` hashes the whole key, so neighbouring seeds and positions are unrelated:
    https://numpy.org/doc/stable/reference/random/parallel.html

    Args:
        seed: the seed of the experiment.
        stream: the stream.
        position: integers that identify the position, such as rank, epoch and batch.
    """
    key = np.random.SeedSequence(seed, spawn_key=(stream, *position))
    return int(key.generate_state(1, np.uint64)[0] >> np.uint64(1))


def generator(device: torch.device | str, seed: int, stream: RngStream, *position: int) -> torch.Generator:
    """Return a new generator at a position in a stream; see `derive_seed`."""
    return torch.Generator(device).manual_seed(derive_seed(seed, stream, *position))


def reseed(device: torch.device, seed: int, stream: RngStream, *position: int) -> None:
    """Seed the default generators, from which distributions sample, for a position in a stream; see `derive_seed`.

    `torch.manual_seed` does the same for every kind of device, initialised or not, and is hundreds of times slower.
    """
    value = derive_seed(seed, stream, *position)
    torch.default_generator.manual_seed(value)
    if device.type == "cuda":
        torch.cuda.manual_seed(value)
    elif device.type == "mps":
        torch.mps.manual_seed(value)
