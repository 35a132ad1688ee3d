"""Means that a decoder gives: any numbers, or numbers inside the pixel range."""

from torch import Tensor

from vae_lab.configuration.options import MeanRange


def mean_of(raw: Tensor, mean_range: MeanRange) -> Tensor:
    """A mean out of any real numbers: themselves, or 1 / (1 + e^-raw)."""
    return raw.sigmoid() if mean_range == "unit_interval" else raw


def raw_mean(mean: Tensor, mean_range: MeanRange) -> Tensor:
    """The numbers at which `mean_of` is `mean`; a mean at the edge of the pixel range is brought inside it."""
    return mean.clamp(1e-3, 0.999).logit() if mean_range == "unit_interval" else mean
