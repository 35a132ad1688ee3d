"""A data set from a folder of pictures."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from vae_lab.configuration.options import DataPath, ImageSize, SplitSize
from vae_lab.configuration.paths import absolute, exists
from vae_lab.data import pictures
from vae_lab.data.classes import Names, numbered
from vae_lab.data.image_set import Split, Splits, train_val_test_split
from vae_lab.data.picture_facts import check_facts, facts_of_all
from vae_lab.data.pictures import height_and_width
from vae_lab.data.stored import Destination, StoredImages
from vae_lab.errors import UserError

log = logging.getLogger(__name__)


class Folder(StoredImages):
    """The pictures in a folder; if it has subfolders, each subfolder is a class.

    Files are read in the order of their names, so that the split is always the same. Hidden files are ignored. The
    label of a class is the name of its subfolder where all names are whole numbers; other names are counted from 0, in
    an order in which the numbers in them count as numbers.

    Args:
        path: the folder.
        image_size: height and width in pixels, as a list or as one number. Pictures are scaled to it and cropped if
            their proportions differ. With null, all pictures must have the same size.
        color: one channel (`gray`) or three (`rgb`); `auto` takes one where all pixels of all pictures are grey, and
            otherwise three, if no picture is stored without colour.
        num_validation: images held out for validation, a number or a fraction.
        num_test: images held out for testing, a number or a fraction.
        rules: 1 for runs of version 0.2, which counted classes in the order of their names as text, took the colour of
            pictures from their headers, and read what is refused now.
    """

    def __init__(
        self,
        path: DataPath,
        image_size: ImageSize | None = None,
        color: Literal["auto", "gray", "rgb"] = "auto",
        num_validation: SplitSize = 0.1,
        num_test: SplitSize = 0.1,
        rules: Literal[1, 2] = 2,
    ) -> None:
        self.path = absolute(path)
        self.image_size = image_size
        self.color = color
        self.num_validation = num_validation
        self.num_test = num_test
        self.rules = rules

    def positions(self) -> Splits:
        paths, others = self._files()
        if others:
            total = len(paths) + len(others)
            log.info("data: %s of %s files are not pictures and are ignored, such as %s", len(others), total, others[0])
        pictures_of_classes = Split(torch.arange(len(paths)), self._labels(paths))
        return train_val_test_split(pictures_of_classes, self.num_validation, self.num_test)

    def read(self, positions: Sequence[Tensor]) -> list[Tensor]:
        paths, _ = self._files()
        wanted = torch.cat(list(positions)).unique().tolist()  # in the order of their names
        # Unused pictures decide on the colour too, so that it does not depend on `data.num_train`.
        looked_at = paths if self.color == "auto" else [paths[number] for number in wanted]
        facts = facts_of_all(looked_at)
        check_facts(facts, self.image_size, refuse=self.rules > 1)
        color = self.color
        if color == "auto":
            color = pictures.common_color(paths, [file.mode for file in facts], by_content=self.rules > 1)
        if self.image_size is None:
            shape = pictures.read(looked_at[0], color, None).shape
        else:
            shape = (1 if color == "gray" else 3, *height_and_width(self.image_size))
        destination = Destination(positions, shape, f"data.path={self.path}")
        read = pictures.read_each([paths[number] for number in wanted], color, self.image_size, like=looked_at[0])
        for number, picture in zip(wanted, read, strict=True):
            destination.fill(number, picture[None])
        return destination.tensors

    def class_names(self) -> Names:
        owners = self._owners(self._files()[0])
        return numbered(owners) if any(owners) and self.rules > 1 else {}

    def _files(self) -> tuple[list[Path], list[Path]]:
        """Return the pictures and the other files of the folder, in the order of their names."""
        if not (exists(self.path) and self.path.is_dir()):
            raise UserError(f"data.path={self.path}: there is no such folder; give a folder of pictures")
        paths, others = pictures.picture_files(self.path)
        if not paths:
            known = ", ".join(sorted(pictures.SUFFIXES))
            raise UserError(f"data.path={self.path}: there are no pictures in it; give a folder with files in {known}")
        return paths, others

    def _labels(self, paths: Sequence[Path]) -> Tensor:
        """Return the label of each picture's subfolder; 0 without subfolders."""
        owners = self._owners(paths)
        names = numbered(owners) if self.rules > 1 else dict(enumerate(sorted(set(owners))))
        labels = {name: label for label, name in names.items()}
        return torch.tensor([labels[owner] for owner in owners])

    def _owners(self, paths: Sequence[Path]) -> list[str]:
        """Return the name of each picture's subfolder; empty without subfolders.

        Raises:
            UserError: if there are pictures both in subfolders and beside them.
        """
        relative = [path.relative_to(self.path).parts for path in paths]
        owners = [parts[0] if len(parts) > 1 else "" for parts in relative]
        if "" in owners and len(set(owners)) > 1:
            beside, below = (paths[owners.index(owner)] for owner in ("", next(filter(None, owners))))
            raise UserError(
                f"data.path={self.path}: {beside} lies beside the subfolders, and {below} in one; put every picture "
                "into the subfolder of its class, or all into the folder itself"
            )
        return owners
