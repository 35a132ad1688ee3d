"""MNIST, and the data sets with its file format and its split."""

from collections.abc import Mapping
from typing import ClassVar, Literal

from vae_lab.configuration.options import DataPath, PositiveInt
from vae_lab.configuration.paths import absolute
from vae_lab.data import idx
from vae_lab.data.image_set import ImageSet, Splits, split_off
from vae_lab.data.torchvision_set import ensure_downloaded, verify

TRAIN = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte")
TEST = ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")

# The classes of each split of EMNIST.
NUM_CLASSES = {"byclass": 62, "bymerge": 47, "balanced": 47, "letters": 26, "digits": 10, "mnist": 10}


class MNISTLike(ImageSet):
    """The base class of data sets like MNIST: 60,000 training and 10,000 test images of 28x28 grey pixels.

    They have ten classes.

    Args:
        root: the folder that contains (or will contain) the data set's own folder.
        num_validation: training images held out for validation.

    Attributes:
        name: the name of torchvision's class and of the folder.
        checksums: the MD5 of the unpacked files, if known.
    """

    grey_levels = "binarized"
    name: ClassVar[str]
    checksums: ClassVar[Mapping[str, str]] = {}

    def __init__(self, root: DataPath, num_validation: PositiveInt = 10_000) -> None:
        self.root = absolute(root)
        self.num_validation = num_validation

    def load(self) -> Splits:
        from torchvision import datasets

        download = getattr(datasets, self.name)
        raw = ensure_downloaded(
            self.name, self.root, f"{self.name}/raw", TRAIN + TEST, lambda: download(str(self.root), download=True)
        )
        verify(raw, self.checksums)
        train, test = (idx.read_split(raw / images, raw / labels, range(10)) for images, labels in (TRAIN, TEST))
        train, val = split_off(train, self.num_validation, "data.num_validation")
        return Splits(train, val, test)


class MNIST(MNISTLike):
    """Handwritten digits: http://yann.lecun.com/exdb/mnist/."""

    name = "MNIST"
    checksums: ClassVar[Mapping[str, str]] = {
        "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
        "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
        "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
        "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
    }


class FashionMNIST(MNISTLike):
    """Pictures of clothes: Xiao et al. 2017, https://arxiv.org/abs/1708.07747."""

    name = "FashionMNIST"


class KMNIST(MNISTLike):
    """Cursive Japanese characters: Clanuwat et al. 2018, https://arxiv.org/abs/1812.01718."""

    name = "KMNIST"


class EMNIST(ImageSet):
    """Handwritten digits and letters, 28x28: Cohen et al. 2017, https://arxiv.org/abs/1702.05373.

    Args:
        root: the folder that holds (or will hold) `EMNIST/raw`.
        split: the name of a split in the paper's table II. `byclass`: 814,255 images in 62 classes; `bymerge`: the same
            images in 47 classes, where capitals that look like small letters are merged; `balanced`: 131,600 images
            in these 47 classes; `letters`: 145,600 in 26; `digits`: 280,000 in 10; `mnist`: 70,000 in 10.
        num_validation: training images held out for validation.
    """

    grey_levels = "binarized"

    def __init__(
        self,
        root: DataPath,
        split: Literal["byclass", "bymerge", "balanced", "letters", "digits", "mnist"] = "balanced",
        num_validation: PositiveInt = 10_000,
    ) -> None:
        self.root = absolute(root)
        self.split = split
        self.num_validation = num_validation

    def load(self) -> Splits:
        from torchvision import datasets

        train_files, test_files = (
            [f"emnist-{self.split}-{part}-{kind}-ubyte" for kind in ("images-idx3", "labels-idx1")]
            for part in ("train", "test")
        )
        raw = ensure_downloaded(
            "EMNIST",
            self.root,
            "EMNIST/raw",
            train_files + test_files,
            lambda: [datasets.EMNIST(str(self.root), self.split, train=part, download=True) for part in (True, False)],
        )
        # The files store each image by columns, and `letters` counts its classes from 1.
        first = 1 if self.split == "letters" else 0
        classes = range(first, first + NUM_CLASSES[self.split])
        train, test = (
            idx.read_split(raw / images, raw / labels, classes) for images, labels in (train_files, test_files)
        )
        train, test = (
            part._replace(images=part.images.mT.contiguous(), labels=part.labels - first) for part in (train, test)
        )
        train, val = split_off(train, self.num_validation, "data.num_validation")
        return Splits(train, val, test)
