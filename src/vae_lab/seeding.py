"""Where every random number comes from: a position in the experiment, never the history of the generator.

The noise of a training batch depends only on (seed, rank, epoch, batch), so a run that was interrupted and
resumed draws the very numbers of one that was not, and drawing figures in between changes nothing.
"""

from enum import IntEnum, unique

import numpy as np
import torch


@unique
class RngStream(IntEnum):
    """Independent streams of noise within one experiment."""

    WEIGHTS = 0  # initial parameters
    ORDER = 1  # shuffling
    PIXELS = 2  # fresh binarisation or dequantisation of training batches
    TRAIN = 3  # latent samples, by purpose
    VALIDATE = 4
    TEST = 5
    FIGURES = 6
    SPLIT = 7  # which images are held out; its seed is fixed, so that seeds are compared on the same images
    HELD_OUT = 8  # binarisation or dequantisation drawn once, likewise
    SUBSET = 9  # which images an evaluation of a few is about; its seed is fixed too
    BOUNDS = 10  # latent samples of evaluation, by measure and block of images and samples
    IMPORTANCE = 11
    AGGREGATE = 12
    UNITS = 13
    AMORTISATION = 14
    ANNEALING = 15
    POSTERIOR = 16
    PER_IMAGE = 17
    DRAWS = 20  # samples of a trained model
    ANOMALY = 21  # what measures of anomalies draw
    FITTING = 30  # of baselines, and the gradients that are then compared
    GRADIENTS = 31


def derive_seed(seed: int, stream: RngStream, *position: int) -> int:
    """A 63-bit seed for a position in a stream.

    `numpy.random.SeedSequence` hashes the whole key, so neighbouring seeds and positions are unrelated:
    https://numpy.org/doc/stable/reference/random/parallel.html
    """
    key = np.random.SeedSequence(seed, spawn_key=(stream, *position))
    return int(key.generate_state(1, np.uint64)[0] >> np.uint64(1))


def generator(device: torch.device | str, seed: int, stream: RngStream, *position: int) -> torch.Generator:
    """A generator that stands at a position in a stream."""
    return torch.Generator(device).manual_seed(derive_seed(seed, stream, *position))


def reseed(device: torch.device, seed: int, stream: RngStream, *position: int) -> None:
    """Put the default generators, from which distributions sample, at a position in a stream.

    `torch.manual_seed` would do the same for every kind of device, initialised or not, hundreds of times slower.
    """
    value = derive_seed(seed, stream, *position)
    torch.default_generator.manual_seed(value)
    if device.type == "cuda":
        torch.cuda.manual_seed(value)
    elif device.type == "mps":
        torch.mps.manual_seed(value)
