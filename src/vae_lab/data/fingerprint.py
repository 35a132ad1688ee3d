"""The fingerprint of the images that a run uses: it tells whether data under the same path are still the same.

It is taken after `data.leave_out` and `data.num_train` have chosen images, and before their pixels are treated, so it
depends on the configuration of the data only, and an evaluation of the run with the same configuration finds the same.
"""

import hashlib
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from torch import Tensor

from vae_lab.data.classes import Names
from vae_lab.data.image_set import Split, Splits
from vae_lab.errors import UserError

# What is recorded as JSON: `data_set` is the name of its class, `num_images` counts those for training, validation and
# test (and those left out, if there are any), `image_shape` is (C, H, W), `pixels` and `labels` are checksums, and
# `class_names` are the names of the classes by their labels, if they have any.
Fingerprint = Mapping[str, Any]

PIECE_VALUES = 2**22


def fingerprint(
    data_set: str, splits: Splits, left_out: Split | None = None, class_names: Names = MappingProxyType({})
) -> dict[str, Any]:
    """Return the fingerprint of the images that a run uses.

    Args:
        data_set: the name of the class of the data set.
        splits: its three parts.
        left_out: the test images of the classes that were left out, or None.
        class_names: the names of the classes by their labels.
    """
    parts = [*splits, *([] if left_out is None else [left_out])]
    known = [part.factors for part in parts if part.factors is not None]
    return {
        "data_set": data_set,
        "num_images": [len(part.images) for part in parts],
        "image_shape": list(splits.image_shape),
        "pixels": checksum(part.images for part in parts),
        "labels": checksum([*(part.labels for part in parts), *known]),
        **({"class_names": {str(label): name for label, name in class_names.items()}} if class_names else {}),
    }


def checksum(tensors: Iterable[Tensor]) -> str:
    """Return the SHA-256 of the values of tensors, without a copy of them."""
    total = hashlib.sha256()
    for tensor in tensors:
        rows = max(1, PIECE_VALUES // max(1, tensor[:1].numel()))
        for piece in tensor.split(rows):
            total.update(memoryview(piece.contiguous().numpy()).cast("B"))
    return total.hexdigest()


def check_same_data(recorded: Fingerprint | None, found: Fingerprint | None, where: str, *, allow: bool) -> str | None:
    """Refuse data that are not those that a run was trained on.

    Args:
        recorded: the fingerprint of the data of the run, or None for a run of version 0.2 or earlier.
        found: that of the data that were read now, or None if it is not known.
        where: the run, and where the data are, as the start of a sentence.
        allow: whether other data are wanted.

    Returns:
        How they differ, if that is allowed; None if they do not.

    Raises:
        UserError: one line with what differs.
    """
    if recorded is None or found is None:
        return None
    reason = difference(recorded, found)
    if reason is not None and not allow:
        raise UserError(
            f"{where}: {reason}; put back the data that the run was trained on, or say allow_other_data=true"
        )
    return reason


def difference(recorded: Fingerprint, found: Fingerprint) -> str | None:
    """Return how data differ from those that were recorded, in words; None if they are the same.

    >>> digits = {"num_images": [9, 1, 1], "image_shape": [1, 8, 8], "pixels": "1", "labels": "1"}
    >>> difference(digits, digits | {"num_images": [9, 1, 2]})
    'these data have 9 / 1 / 2 images and the run was trained on data with 9 / 1 / 1 images'
    """

    def sizes(data: Fingerprint) -> str:
        return f"{' / '.join(f'{num:,}' for num in data.get('num_images', ()))} images"

    def shape(data: Fingerprint) -> str:
        return f"images of shape {tuple(data.get('image_shape', ()))}"

    for describe in (sizes, shape):
        now, before = describe(found), describe(recorded)
        if now != before:
            return f"these data have {now} and the run was trained on data with {before}"
    for name in ("pixels", "labels"):
        if recorded.get(name) != found.get(name):
            return f"these data have as many images as those that the run was trained on, and other {name}"
    return None
