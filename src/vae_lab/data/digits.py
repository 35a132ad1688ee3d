"""The handwritten digits that are part of scikit-learn, without a download."""

import numpy as np
import torch

from vae_lab.configuration.options import PositiveInt
from vae_lab.data.image_set import ImageSet, Split, Splits, split_off


class Digits(ImageSet):
    """1,797 handwritten digits of 8x8 pixels, whose 17 grey levels are spread over 0..255.

    https://archive.ics.uci.edu/dataset/80/optical+recognition+of+handwritten+digits

    Args:
        num_validation: images held out for validation.
        num_test: images held out for testing.
    """

    grey_levels = "binarized"

    def __init__(self, num_validation: PositiveInt = 297, num_test: PositiveInt = 300) -> None:
        self.num_validation = num_validation
        self.num_test = num_test

    def load(self) -> Splits:
        from sklearn.datasets import load_digits

        digits = load_digits()
        levels = np.rint(digits.images * (255 / 16)).astype(np.uint8)
        images = torch.from_numpy(levels).unsqueeze(1)  # (N, 1, 8, 8)
        data = Split(images, torch.from_numpy(digits.target).long())
        rest, test = split_off(data, self.num_test, "data.num_test")
        train, val = split_off(rest, self.num_validation, "data.num_validation")
        return Splits(train, val, test)
