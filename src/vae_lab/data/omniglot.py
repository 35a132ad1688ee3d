"""Omniglot, through torchvision."""

from pathlib import Path

import torch

from vae_lab.configuration.options import DataPath, Pixels, PositiveInt
from vae_lab.configuration.paths import absolute
from vae_lab.data import pictures
from vae_lab.data.image_set import ImageSet, Split, Splits, split_off
from vae_lab.data.torchvision_set import damaged_file, ensure_downloaded

# The two folders, and the number of pictures in each.
TRAIN, TEST = ("images_background", 19_280), ("images_evaluation", 13_180)


class Omniglot(ImageSet):
    """Handwritten characters of 50 alphabets, 20 images of each: Lake et al. 2015.

    https://doi.org/10.1126/science.aab3050

    The split and the pictures are those of Lake et al.: 19,280 training images of 30 alphabets, and 13,180 test images
    of the other 20. The results of Burda et al. 2016 are for another split and are not comparable. Strokes are white,
    as in MNIST; the label is the number of the character.

    Args:
        root: the folder that contains (or will contain) `omniglot-py`.
        image_size: pixels along each side; pictures in the files have 105.
        num_validation: training images held out for validation.
    """

    grey_levels = "binarized"

    def __init__(self, root: DataPath, image_size: Pixels = 28, num_validation: PositiveInt = 2_000) -> None:
        self.root = absolute(root)
        self.image_size = image_size
        self.num_validation = num_validation

    def load(self) -> Splits:
        from torchvision import datasets

        folder = ensure_downloaded(
            "Omniglot",
            self.root,
            datasets.Omniglot.folder,
            [TRAIN[0], TEST[0]],
            lambda: [datasets.Omniglot(str(self.root), background=part, download=True) for part in (True, False)],
        )
        train, test = (self._read(folder / name, num_images) for name, num_images in (TRAIN, TEST))
        # Training and test characters are of different alphabets, so test labels continue after training labels.
        test = test._replace(labels=test.labels + train.labels.max() + 1)
        train, val = split_off(train, self.num_validation, "data.num_validation")
        return Splits(train, val, test)

    def _read(self, folder: Path, num_images: int) -> Split:
        paths, _ = pictures.picture_files(folder)
        if len(paths) != num_images:
            raise damaged_file(folder, f"it has {len(paths):,} pictures, not {num_images:,}")
        images = 255 - torch.from_numpy(pictures.read_all(paths, "gray", self.image_size))
        characters = {path.parent: None for path in paths}  # in the order of their names
        numbers = {character: number for number, character in enumerate(characters)}
        return Split(images, torch.tensor([numbers[path.parent] for path in paths]))
