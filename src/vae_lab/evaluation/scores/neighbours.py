"""Distances of images from the nearest of many others."""

import torch
from torch import Tensor

DISTANCES_AT_ONCE = 2**24


def distance_to_nearest(images: Tensor, references: Tensor) -> Tensor:
    """Return the Euclidean distance of each image from the nearest reference: exactly 0 for a copy.

    Args:
        images: of shape (N, *event).
        references: of shape (M, *event).

    Returns:
        Distances, of shape (N,).
    """
    images, references = images.flatten(1), references.flatten(1)
    half_norms = references.square().sum(1) / 2  # (M,)
    distances = []
    for part in images.split(max(1, DISTANCES_AT_ONCE // len(references))):
        # |x - r|^2 / 2 without |x|^2 / 2, which all references share.
        nearest = torch.addmm(half_norms, part, references.T, alpha=-1).argmin(1)
        distances.append((part - references[nearest]).square().sum(1).sqrt())
    return torch.cat(distances)
