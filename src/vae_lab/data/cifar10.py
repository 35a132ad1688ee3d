"""CIFAR-10, through torchvision."""

import torch

from vae_lab.configuration.options import DataPath, PositiveInt
from vae_lab.configuration.paths import absolute
from vae_lab.data.image_set import ImageSet, Split, Splits, split_off
from vae_lab.data.torchvision_set import ensure_downloaded, verify


class CIFAR10(ImageSet):
    """50,000 training and 10,000 test photographs of 32x32 colour pixels, in ten classes.

    Krizhevsky 2009, https://www.cs.toronto.edu/~kriz/cifar.html. Its files are pickles, which can run code when
    they are read, so they are opened only if their checksums are those of the original files.

    Args:
        root: the folder that holds (or will hold) `cifar-10-batches-py`.
        num_validation: training images held out for validation.
    """

    grey_levels = "kept"

    def __init__(self, root: DataPath, num_validation: PositiveInt = 5_000) -> None:
        self.root = absolute(root)
        self.num_validation = num_validation

    def load(self) -> Splits:
        from torchvision import datasets

        source = datasets.CIFAR10
        checksums = dict([*source.train_list, *source.test_list, (source.meta["filename"], source.meta["md5"])])
        folder = ensure_downloaded(
            "CIFAR-10",
            self.root,
            source.base_folder,
            checksums,
            lambda: source(str(self.root), download=True),
        )
        verify(folder, checksums)
        train, test = (
            Split(torch.from_numpy(part.data).movedim(-1, 1).contiguous(), torch.tensor(part.targets))  # (N, 3, 32, 32)
            for part in (source(str(self.root), train=train) for train in (True, False))
        )
        train, val = split_off(train, self.num_validation, "data.num_validation")
        return Splits(train, val, test)
