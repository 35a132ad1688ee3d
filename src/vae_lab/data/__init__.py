"""Data sets, the treatment of their pixels, and the batches for training and evaluation."""

from typing import TYPE_CHECKING

from vae_lab.configuration.public_names import lazy_names

if TYPE_CHECKING:
    from vae_lab.data.arrays import Arrays as Arrays
    from vae_lab.data.cifar10 import CIFAR10 as CIFAR10
    from vae_lab.data.digits import Digits as Digits
    from vae_lab.data.folder import Folder as Folder
    from vae_lab.data.frey_faces import FreyFaces as FreyFaces
    from vae_lab.data.image_set import ImageSet as ImageSet
    from vae_lab.data.image_set import Split as Split
    from vae_lab.data.image_set import Splits as Splits
    from vae_lab.data.mnist import EMNIST as EMNIST
    from vae_lab.data.mnist import KMNIST as KMNIST
    from vae_lab.data.mnist import MNIST as MNIST
    from vae_lab.data.mnist import FashionMNIST as FashionMNIST
    from vae_lab.data.module import ImageData as ImageData
    from vae_lab.data.omniglot import Omniglot as Omniglot
    from vae_lab.data.sprites import Sprites as Sprites

__getattr__, __dir__ = lazy_names(__name__)
