"""Omniglot, through torchvision."""

from pathlib import Path

import torch

from vae_lab.configuration.options import PositiveInt
from vae_lab.data import pictures
from vae_lab.data.image_set import ImageSet, Split, Splits, split_off
from vae_lab.data.torchvision_set import damaged, obtain

# The two folders, with the pictures in each.
TRAIN, TEST = ("images_background", 19_280), ("images_evaluation", 13_180)


class Omniglot(ImageSet):
    """Handwritten characters of 50 alphabets, 20 of each: Lake et al. 2015, https://doi.org/10.1126/science.aab3050.

    19,280 training images, of 30 alphabets, and 13,180 test images, of the 20 others: Lake's own split and pictures,
    not those of Burda et al. 2016, whose figures are of another split. Strokes are white, as in MNIST; a label is
    the number of the character.

    Args:
        root: the folder that holds (or will hold) `omniglot-py`.
        image_size: pixels along each side, of 105 in the files.
        num_validation: training images held out for validation.
    """

    def __init__(self, root: str, image_size: PositiveInt = 28, num_validation: PositiveInt = 2_000) -> None:
        self.root = Path(root).expanduser().absolute()
        self.image_size = image_size
        self.num_validation = num_validation

    def load(self) -> Splits:
        from torchvision import datasets

        place = obtain(
            "Omniglot",
            self.root,
            datasets.Omniglot.folder,
            [TRAIN[0], TEST[0]],
            lambda: [datasets.Omniglot(str(self.root), background=part, download=True) for part in (True, False)],
        )
        train, test = (self._read(place / name, num_images) for name, num_images in (TRAIN, TEST))
        # No character of the test alphabets is among the training characters.
        test = test._replace(labels=test.labels + train.labels.max() + 1)
        kept, val = split_off(train, self.num_validation, "data.num_validation")
        return Splits(kept, val, test)

    def _read(self, folder: Path, num_images: int) -> Split:
        paths, _ = pictures.picture_files(folder)
        if len(paths) != num_images:
            raise damaged(folder, f"it has {len(paths):,} pictures, not {num_images:,}")
        images = 255 - torch.from_numpy(pictures.read_all(paths, "gray", self.image_size))
        characters = {path.parent: None for path in paths}  # in the order of their names
        numbers = {character: number for number, character in enumerate(characters)}
        return Split(images, torch.tensor([numbers[path.parent] for path in paths]))
