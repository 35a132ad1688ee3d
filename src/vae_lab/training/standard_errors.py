"""Standard errors of test metrics over images, from the means of the metrics and of their squares."""

import math
from collections.abc import Mapping

from torch import Tensor

SQUARE = "/square"


def with_squares(metrics: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return metrics of images, of shape (B,) each, and beside each its squares, in float64 where the device has it."""
    wide = {name: values if values.device.type == "mps" else values.double() for name, values in metrics.items()}
    return {**wide, **{f"{name}{SQUARE}": values.square() for name, values in wide.items()}}


def without_squares(means: Mapping[str, float]) -> tuple[dict[str, float], dict[str, float]]:
    """Return the means of the metrics, and their variances over images under the same names, with the divisor N.

    >>> without_squares({"nll": 2.0, "nll/square": 5.0})  # of 1 and 3
    ({'nll': 2.0}, {'nll': 1.0})
    """
    metrics = {name: value for name, value in means.items() if not name.endswith(SQUARE)}
    return metrics, {name: max(0.0, means[f"{name}{SQUARE}"] - mean**2) for name, mean in metrics.items()}


def standard_errors(variances: Mapping[str, float], num_images: int) -> dict[str, float]:
    """Return the standard error over images of the mean of each test metric, in its own unit.

    s / sqrt(N),  s^2 = N / (N - 1) variance

    Args:
        variances: over images, by name, with the divisor N.
        num_images: N; of one image there is no standard error.

    Returns:
        The errors, as `standard_error/test/NAME`.

    >>> standard_errors({"nll": 1.0}, 2)  # of 1 and 3
    {'standard_error/test/nll': 1.0}
    """
    if num_images == 1:
        return {}
    return {f"standard_error/test/{name}": math.sqrt(value / (num_images - 1)) for name, value in variances.items()}
