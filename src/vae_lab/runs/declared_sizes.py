"""Compare the sizes that a saved run declares with the weights that it holds, before anything of that size is made."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from vae_lab import build
from vae_lab.errors import UserError

MAX_PIXELS = 2**24  # more than any image has that a network of this package could see
MAX_CLASSES = 2**20


def check_sizes(config: DictConfig, checkpoint: Mapping[str, Any], path: Path) -> tuple[int, ...]:
    """Refuse a checkpoint whose weights do not fit its run's configuration; nothing is allocated for that.

    The model is built on torch's `meta` device, where tensors have a shape and no numbers.

    Args:
        config: the run's configuration.
        checkpoint: the content of the checkpoint, with the shape of the images and their classes.
        path: its file.

    Returns:
        The shape of the images.

    Raises:
        UserError: one line with the file.
    """
    shape, num_classes = checkpoint.get("image_shape"), checkpoint.get("num_classes")
    if not (isinstance(shape, list | tuple) and len(shape) == 3 and all(is_size(size, MAX_PIXELS) for size in shape)):
        raise UserError(f"{path}: image_shape={shape} is no number of channels, rows and columns; it is damaged")
    if math.prod(shape) > MAX_PIXELS or not (num_classes is None or is_size(num_classes, MAX_CLASSES)):
        raise UserError(f"{path}: no image is of {tuple(shape)} pixels in {num_classes} classes; it is damaged")
    model = build.without_numbers(config, tuple(shape), num_classes)
    if model is None:
        return tuple(shape)
    declared = {f"model.{name}": tuple(value.shape) for name, value in model.state_dict().items()}
    for name in sorted(declared.keys() | {key for key in checkpoint["state_dict"] if key.startswith("model.")}):
        held = checkpoint["state_dict"].get(name)
        found = None if held is None else tuple(held.shape)
        if declared.get(name) != found:
            raise UserError(
                f"{path}: its weights do not fit the run's configuration ({name.removeprefix('model.')} has the shape "
                f"{found}, expected {declared.get(name)}); it is another run's, or damaged"
            )
    return tuple(shape)


def is_size(value: Any, largest: int) -> bool:
    """Return whether a value is a number of things, not more than `largest`."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value <= largest
