"""A user's own pictures."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from vae_lab.configuration.options import ImageSize, SplitSize
from vae_lab.data import pictures
from vae_lab.data.image_set import ImageSet, Split, Splits, train_val_test_split
from vae_lab.errors import UserError

log = logging.getLogger(__name__)


class Folder(ImageSet):
    """The pictures in a folder; those of its subfolders, where it has them, are classes.

    Files are taken in the order of their names, so that the split is the same every time; hidden files are ignored.

    Args:
        path: the folder.
        image_size: height and width to scale to (edges are cut off where the proportions differ), as a list or as
            one number; null where all pictures are of one size.
        color: one channel (`gray`) or three (`rgb`), or what all pictures are (`auto`).
        num_validation: images held out for validation, a number or a fraction.
        num_test: images held out for testing, a number or a fraction.
    """

    def __init__(
        self,
        path: str,
        image_size: ImageSize | None = None,
        color: Literal["auto", "gray", "rgb"] = "auto",
        num_validation: SplitSize = 0.1,
        num_test: SplitSize = 0.1,
    ) -> None:
        self.path = Path(path).expanduser().absolute()
        self.image_size = image_size
        self.color = color
        self.num_validation = num_validation
        self.num_test = num_test

    def load(self) -> Splits:
        if not self.path.is_dir():
            raise UserError(f"data.path={self.path}: there is no such folder; give a folder of pictures")
        paths, others = pictures.picture_files(self.path)
        if not paths:
            known = ", ".join(sorted(pictures.SUFFIXES))
            raise UserError(f"data.path={self.path}: there are no pictures in it; give a folder with files in {known}")
        if others:
            total = len(paths) + len(others)
            log.info("data: %s of %s files are no pictures and are left out, such as %s", len(others), total, others[0])
        labels = self._labels(paths)
        color = pictures.common_color(paths) if self.color == "auto" else self.color
        images = torch.from_numpy(pictures.read_all(paths, color, self.image_size))
        return train_val_test_split(Split(images, labels), self.num_validation, self.num_test)

    def _labels(self, paths: Sequence[Path]) -> Tensor:
        """The number of each picture's subfolder, in the order of their names; 0 without subfolders."""
        owners = [relative.parts[0] if len(relative.parts) > 1 else "" for relative in self._relative(paths)]
        if "" in owners and len(set(owners)) > 1:
            beside, below = (paths[owners.index(owner)] for owner in ("", next(filter(None, owners))))
            raise UserError(
                f"data.path={self.path}: {beside} lies beside the subfolders, and {below} in one; put every picture "
                "into the subfolder of its class, or all into the folder itself"
            )
        classes = {name: number for number, name in enumerate(sorted(set(owners)))}
        return torch.tensor([classes[owner] for owner in owners])

    def _relative(self, paths: Sequence[Path]) -> list[Path]:
        return [path.relative_to(self.path) for path in paths]
