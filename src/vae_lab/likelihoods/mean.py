"""The map from the decoder's output to the means of pixels, and its inverse."""

from torch import Tensor

from vae_lab.configuration.options import MeanRange


def bounded_mean(raw: Tensor, mean_range: MeanRange) -> Tensor:
    """Return a mean from unconstrained numbers: their sigmoid for `unit_interval`, themselves for `real`."""
    return raw.sigmoid() if mean_range == "unit_interval" else raw


def raw_mean(mean: Tensor, mean_range: MeanRange) -> Tensor:
    """Return the numbers at which `bounded_mean` is `mean`; for `unit_interval` it is clamped to [0.001, 0.999]."""
    return mean.clamp(1e-3, 0.999).logit() if mean_range == "unit_interval" else mean
