"""Build the model of a saved run, which may be a stranger's, in no more memory than the weights that it holds need."""

import math
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig
from torch import Tensor
from torch._ops import OpOverload
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_iter, tree_map_only

from vae_lab import build
from vae_lab.errors import UserError
from vae_lab.models.latent_model import LatentModel

MAX_PIXELS = 2**24  # more than any image has that a network of this package could see
MAX_CLASSES = 2**20
# Building makes the weights, and more numbers on the way, such as the masks of a flow.
ON_THE_WAY = 16
SMALL_MODEL = 64 * 2**20  # bytes that any model may take
WIDEST = 16  # bytes of a number
SMALL_NUMBER = 1000  # tensors that any model may make


class Allowance(TorchDispatchMode):
    """Stops an operation whose result does not fit into an allowed memory, before the result is made.

    What is made of nothing, as weights are, must fit together; what is computed of other tensors, each for itself.

    Args:
        num_bytes: the allowed memory.
        num_tensors: how many tensors may be made of nothing, since many small ones take time.

    Attributes:
        left: what is left of the memory for tensors that are made of nothing.
        tensors_left: how many of them may still be made.
        exceeded: whether an operation was stopped.
    """

    def __init__(self, num_bytes: int, num_tensors: int) -> None:
        super().__init__()
        self.num_bytes = self.left = num_bytes
        self.tensors_left = num_tensors
        self.exceeded = False

    def __torch_dispatch__(
        self, func: OpOverload, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        options = kwargs or {}
        if makes_a_tensor(func):
            given = [each for each in tree_iter((args, options)) if isinstance(each, Tensor)]
            needed = bytes_of_result(func, args, options, given)
            if not given:
                self.left -= needed
                self.tensors_left -= 1
            if min(self.left, self.tensors_left) < 0 or needed > self.num_bytes:
                self.exceeded = True
                raise MemoryError("more memory than is allowed here")
        return func(*args, **options)


@cache
def makes_a_tensor(func: OpOverload) -> bool:
    """Return whether the result of an operation is new, and not a view, or one of its arguments, changed in place."""
    return not any(result.alias_info is not None for result in func._schema.returns)


def bytes_of_result(func: OpOverload, args: tuple[Any, ...], kwargs: dict[str, Any], given: list[Tensor]) -> int:
    """Return the memory that an operation will make, at most; `given` are the tensors among its arguments."""
    if given and torch.Tag.pointwise in func.tags:
        shapes = {each.shape for each in given}
        return WIDEST * math.prod(shapes.pop() if len(shapes) == 1 else torch.broadcast_shapes(*shapes))
    # On the `meta` device, which has no numbers, for the shape of its result.
    without, options = tree_map_only(Tensor, without_numbers, (args, kwargs))
    if "device" in options:
        options = {**options, "device": torch.device("meta"), "pin_memory": False}
    try:
        made = func(*without, **options)
    except (NotImplementedError, RuntimeError):
        return 0  # its size depends on numbers, so it is at most that of its arguments
    return sum(result.numel() * result.element_size() for result in tree_iter(made) if isinstance(result, Tensor))


def without_numbers(tensor: Tensor) -> Tensor:
    """Return a tensor of the same shape on the `meta` device."""
    return torch.empty_strided(tensor.shape, tensor.stride(), dtype=tensor.dtype, device="meta")


def build_saved(config: DictConfig, checkpoint: Mapping[str, Any], path: Path) -> LatentModel:
    """Build the model that a checkpoint holds the weights of, and load them.

    Args:
        config: the run's configuration.
        checkpoint: the content of the checkpoint, with the shape of the images and their classes.
        path: its file.

    Raises:
        UserError: one line with the file, if its weights do not fit the configuration.
    """
    shape, num_classes = sizes_of(checkpoint, path)
    prefix = "model."
    state = checkpoint["state_dict"]
    weights = {name.removeprefix(prefix): state[name] for name in state if str(name).startswith(prefix)}
    if not weights or not all(isinstance(value, Tensor) for value in weights.values()):
        raise UserError(f"{path}: it holds no weights of a model; it is damaged")
    held = sum(value.nbytes for value in weights.values())
    allowance = Allowance(SMALL_MODEL + ON_THE_WAY * held, SMALL_NUMBER + ON_THE_WAY * len(weights))
    try:
        with allowance:
            model = build.model(config, shape, torch.zeros(shape), num_classes)
    except Exception as error:
        if not allowance.exceeded:
            raise
        raise UserError(
            f"{path}: the run's configuration describes a far larger model than the {held / 2**20:,.1f} MiB of weights "
            "in this file; it is another run's, or damaged"
        ) from error
    check_shapes(model, weights, path)
    model.to(next(iter(weights.values())).dtype)  # before loading: float32 would round weights of float64
    model.load_state_dict(weights)
    return model


def sizes_of(checkpoint: Mapping[str, Any], path: Path) -> tuple[tuple[int, ...], int | None]:
    """Return the shape of the images, and the number of their classes, that a checkpoint declares.

    Raises:
        UserError: if no image is of that size.
    """
    shape, num_classes = checkpoint.get("image_shape"), checkpoint.get("num_classes")
    if not (isinstance(shape, list | tuple) and len(shape) == 3 and all(is_size(size, MAX_PIXELS) for size in shape)):
        raise UserError(f"{path}: image_shape={shape} is no number of channels, rows and columns; it is damaged")
    if math.prod(shape) > MAX_PIXELS or not (num_classes is None or is_size(num_classes, MAX_CLASSES)):
        raise UserError(f"{path}: no image is of {tuple(shape)} pixels in {num_classes} classes; it is damaged")
    return tuple(shape), num_classes


def classes_of(checkpoint: Mapping[str, Any], path: Path) -> tuple[int, ...] | None:
    """Return the labels of the classes that the model of a checkpoint is conditioned on; None if it is not.

    Models of version 0.2 and earlier were conditioned on all labels from 0 to the largest.

    Raises:
        UserError: if they are no labels.
    """
    _, num_classes = sizes_of(checkpoint, path)
    if num_classes is None:
        return None
    labels = checkpoint.get("classes", range(num_classes))
    numbers = [label for label in labels if isinstance(label, int)] if isinstance(labels, list | range) else []
    if len(numbers) != num_classes or numbers != sorted(set(numbers)) or not 0 <= numbers[0] <= numbers[-1] < 2**63:
        raise UserError(f"{path}: its classes are no {num_classes} labels; it is damaged")
    return tuple(numbers)


def check_shapes(model: LatentModel, weights: Mapping[str, Tensor], path: Path) -> None:
    """Refuse weights of other names or shapes than those of a model.

    Raises:
        UserError: one line with the first that differs.
    """
    declared = {name: tuple(value.shape) for name, value in model.state_dict().items()}
    held = {name: tuple(value.shape) for name, value in weights.items()}
    for name in sorted(declared.keys() | held.keys()):
        if declared.get(name) != held.get(name):
            raise UserError(
                f"{path}: its weights do not fit the run's configuration ({name} has the shape {held.get(name)}, "
                f"expected {declared.get(name)}); it is another run's, or damaged"
            )


def is_size(value: Any, largest: int) -> bool:
    """Return whether a value is a number of things, not more than `largest`."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value <= largest
