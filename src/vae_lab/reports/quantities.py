"""The metrics of a run: their names, their units, and which direction is better."""

import math
from typing import NamedTuple

from vae_lab.errors import UserError, nearest


class Quantity(NamedTuple):
    """What a metric measures.

    Attributes:
        name: its name in tables and figures.
        unit: its unit.
        higher_is_better: whether a higher value is better.
        decimals: the decimals that are shown.
        lowest: the lowest value that there is.
    """

    name: str
    unit: str
    higher_is_better: bool
    decimals: int = 2
    lowest: float = -math.inf


# By the last part of the metric's name in `metrics.json`, such as `elbo` of `test/elbo`.
QUANTITIES = {
    "elbo": Quantity("ELBO", "nats per image", True),
    "rate": Quantity("rate KL(q(z|x) || p(z))", "nats per image", False, lowest=0),
    "distortion": Quantity("distortion -E log p(x|z)", "nats per image", False),
    "nll": Quantity("NLL, an upper bound", "nats per image", False),
    "bits_per_dim": Quantity("NLL, an upper bound", "bits per dimension", False, 4),
    "kernel_score": Quantity("kernel score of samples", "of these images only", False, 5),
    "train_seconds": Quantity("training time", "seconds", False, lowest=0),
    "images_per_second": Quantity("speed of training", "images per second", True, 0, lowest=0),
}


def quantity(metric: str) -> Quantity:
    """Return what a metric measures.

    Args:
        metric: its name in `metrics.json`.

    Raises:
        UserError: if the metric is unknown, so that the better direction is unknown too.

    >>> quantity("test/elbo").higher_is_better, quantity("test/nll").higher_is_better
    (True, False)
    """
    name = metric.rpartition("/")[2]
    if name not in QUANTITIES:
        raise UserError(
            f"{metric}: not a known metric, so the better direction is unknown; {nearest(name, QUANTITIES)}"
        )
    return QUANTITIES[name]


def lowest_of(metric: str) -> float:
    """Return the lowest value of a metric, minus infinity if it is unknown.

    >>> lowest_of("test/rate"), lowest_of("test/elbo")
    (0, -inf)
    """
    name = metric.rpartition("/")[2]
    return QUANTITIES[name].lowest if name in QUANTITIES else -math.inf


def title(metric: str) -> str:
    """Return the label of a metric on an axis.

    >>> title("val/elbo")
    'validation ELBO (nats per image)'
    """
    split = metric.rpartition("/")[0].replace("val", "validation")
    what = quantity(metric)
    return f"{split} {what.name} ({what.unit})".lstrip()
