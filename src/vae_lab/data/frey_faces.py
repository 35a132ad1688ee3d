"""The Frey faces data set."""

import numpy as np
import torch

from vae_lab.configuration.options import DataPath, PositiveInt
from vae_lab.configuration.paths import absolute, exists
from vae_lab.data.array_file import DAMAGED, describe
from vae_lab.data.image_set import ImageSet, MissingDataError, Split, Splits, train_val_test_split
from vae_lab.data.torchvision_set import OR_DIGITS, damaged_file

SHAPE = (1965, 28, 20)


class FreyFaces(ImageSet):
    """1,965 grey pictures of one face, of 28x20 pixels, from a film of Brendan Frey.

    https://cs.nyu.edu/~roweis/data.html

    Successive pictures are nearly the same, and the split is random, as in the literature, so that test images are
    close to training images.

    Args:
        root: the folder that holds `frey_faces/frey_faces.npy`, an array of 1965x28x20 bytes.
        num_validation: images held out for validation.
        num_test: images held out for testing.
    """

    grey_levels = "kept"

    def __init__(self, root: DataPath, num_validation: PositiveInt = 200, num_test: PositiveInt = 200) -> None:
        self.path = absolute(root) / "frey_faces" / "frey_faces.npy"
        self.num_validation = num_validation
        self.num_test = num_test

    def load(self) -> Splits:
        if not (exists(self.path) and self.path.is_file()):
            raise MissingDataError(
                f"data.root: the Frey faces are not in {self.path}, and are not downloaded; set VAE_LAB_DATA to the "
                f"folder that holds frey_faces/frey_faces.npy, {OR_DIGITS}"
            )
        try:
            stored = describe(self.path, None)
            if stored.dtype != np.uint8 or stored.shape != SHAPE:
                raise ValueError(f"it holds {stored.dtype} values of shape {stored.shape}, not bytes of {SHAPE}")
            pixels = stored.read()
        except DAMAGED as error:
            raise damaged_file(self.path, str(error)) from error
        images = torch.from_numpy(pixels).unsqueeze(1)  # (1965, 1, 28, 20)
        faces = Split(images, torch.zeros(len(images), dtype=torch.int64))
        return train_val_test_split(faces, self.num_validation, self.num_test)
