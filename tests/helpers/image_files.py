"""Images that tests write to files, and the same images as a data set gives them back."""

import numpy as np

from vae_lab.data.image_set import Splits

RANDOM = np.random.default_rng(0)


def pixels(*shape: int) -> np.ndarray:
    """Random levels of the given shape."""
    return RANDOM.integers(0, 256, shape, np.uint8)


def all_of(splits: Splits, num_train: int) -> list[tuple[bytes, int]]:
    """The pairs of image and label of the parts that were made of one set."""
    parts = [
        (image, label) for part in splits[:num_train] for image, label in zip(part.images, part.labels, strict=True)
    ]
    return sorted((image.numpy().tobytes(), int(label)) for image, label in parts)


def pairs(images: np.ndarray, labels: np.ndarray) -> list[tuple[bytes, int]]:
    """The pairs of image and label, in an order that does not depend on theirs."""
    return sorted((image.tobytes(), int(label)) for image, label in zip(images, labels, strict=True))
