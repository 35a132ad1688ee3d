"""Classes of images: the labels that occur in training, the one-hot vectors of a condition, and names."""

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from vae_lab.errors import UserError, nearest

# The names of classes by their labels; empty where a data set has labels only.
Names = Mapping[int, str]

MOST_LISTED = 20


def condition(labels: Tensor, classes: tuple[int, ...]) -> Tensor:
    """Return what a model is conditioned on: one-hot vectors, one position for each class that occurred in training.

    >>> condition(torch.tensor([2019, 1990]), (1990, 2005, 2019)).tolist()
    [[0, 0, 1], [1, 0, 0]]

    Args:
        labels: of shape (*batch,), each one of the classes.
        classes: the labels that the model was trained with, in rising order.

    Returns:
        A tensor of shape (*batch, classes).
    """
    return one_hot(torch.searchsorted(on_device(classes, labels.device), labels.contiguous()), len(classes))


@cache
def on_device(classes: tuple[int, ...], device: torch.device) -> Tensor:
    """Return classes as a tensor, which is copied to a device once."""
    return torch.tensor(classes, device=device)


def check_known(labels: Tensor, classes: Sequence[int], what: str) -> None:
    """Refuse labels that a model was not trained with.

    Args:
        labels: of shape (N,).
        classes: the labels that it was trained with.
        what: the images, as the start of a sentence.

    Raises:
        UserError: one line with the first of them.
    """
    unseen = sorted(set(labels.tolist()) - set(classes))
    if unseen:
        raise UserError(
            f"condition=label: {what} are of {len(unseen):,} classes without a training image, such as "
            f"{unseen[0]}, so nothing could be learned of them; leave out condition"
        )


def labels_of(classes: Iterable[int | str], names: Names, where: str) -> list[int]:
    """Return the labels of classes that are given by their label or their name.

    >>> labels_of(["dog", 0], {0: "cat", 1: "dog"}, "data.leave_out")
    [1, 0]

    Args:
        classes: labels and names.
        names: the names of all classes.
        where: the option that they were given by.

    Raises:
        UserError: if there is no class of a name.
    """
    by_name = {name: label for label, name in names.items()}
    labels = []
    for given in classes:
        if isinstance(given, str) and given not in by_name:
            known = nearest(given, by_name) if names else "its classes have numbers only"
            raise UserError(f"{where}: there is no class '{given}'; {known}")
        labels.append(by_name[given] if isinstance(given, str) else given)
    return labels


def listed(classes: Sequence[int], names: Names) -> str:
    """Return classes as text, each label with its name where that says more.

    >>> listed([0, 1], {0: "cat", 1: "dog"}), listed([1990, 2005], {})
    ('0 = cat, 1 = dog', '1990, 2005')
    """
    shown = [named(label, names) for label in classes[:MOST_LISTED]]
    return ", ".join(shown) + (f", ... ({len(classes):,} in all)" if len(classes) > MOST_LISTED else "")


def named(label: int, names: Names) -> str:
    """Return a label with its name, where it has another one than its number."""
    return f"{label} = {names[label]}" if names.get(label, str(label)) != str(label) else str(label)


def numbered(names: Iterable[str]) -> dict[int, str]:
    """Return the names of classes by their labels: numbers are their own labels, and other names are counted from 0.

    Names are counted in the order of the numbers in them, so that `class 2` comes before `class 10`.

    >>> numbered(["10", "2"]), numbered(["class 10", "class 2"])
    ({2: '2', 10: '10'}, {0: 'class 2', 1: 'class 10'})
    """
    distinct = sorted(set(names), key=natural)
    numbers = [int(name) for name in distinct if re.fullmatch(r"[0-9]{1,18}", name)]
    if len(set(numbers)) == len(distinct):
        return dict(zip(numbers, distinct, strict=True))
    return dict(enumerate(distinct))


def natural(name: str) -> tuple[list[tuple[str, int]], str]:
    """Return the key of the order in which the numbers in names count as numbers."""
    words_and_numbers = re.findall(r"([^0-9]*)([0-9]*)", name)
    return [(word, int(number or -1)) for word, number in words_and_numbers], name
