"""A data set that is downloaded, without a network."""

from pathlib import Path

import numpy as np

from vae_lab.configuration.options import DataPath
from vae_lab.data.arrays import Arrays
from vae_lab.data.image_set import ImageSet, Splits
from vae_lab.data.torchvision_set import ensure_downloaded


class Downloaded(ImageSet):
    """Random images, which a download writes into a folder of their own."""

    def __init__(self, root: DataPath) -> None:
        self.root = Path(root).absolute()

    def load(self) -> Splits:
        folder = ensure_downloaded("Downloaded", self.root, "downloaded", ["images.npy"], self._download)
        return Arrays(str(folder / "images.npy")).load()

    def _download(self) -> None:
        images = np.random.default_rng(0).integers(0, 256, (30, 8, 8), np.uint8)
        np.save(self.root / "downloaded" / "images.npy", images)
