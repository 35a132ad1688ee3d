"""Measures on a model and images without a run, and whether a figure agrees with its exact value."""

from dataclasses import replace

import torch

from helpers.composed import composed
from vae_lab.data.image_set import Split, Splits
from vae_lab.data.module import ImageData
from vae_lab.evaluation.measure import Estimate, EvaluationContext, Images
from vae_lab.models.latent_model import LatentModel


def context(model: LatentModel, x: torch.Tensor, seed: int = 0, **changes: object) -> EvaluationContext:
    """A model and images without a run, of grey pixels whose levels were spread out."""
    levels = Split(torch.zeros(len(x), *x.shape[1:], dtype=torch.uint8), torch.zeros(len(x), dtype=torch.long))
    images = Images(x, levels.labels, None)
    given = EvaluationContext(
        model=model,
        config=composed("likelihood=gaussian"),
        fits_prior=True,
        data=ImageData(Splits(levels, levels, levels), "none", 10, 0, "uniform"),
        images=images,
        training_images=lambda: images,
        seed=seed,
        device=torch.device("cpu"),
        max_rows=1000,
    )
    return replace(given, **changes)  # type: ignore[arg-type]


def agrees(estimate: Estimate, exact: float, slack: float = 0.0) -> None:
    """Assert that a figure is the exact value, within five of the standard errors that it states."""
    assert estimate.standard_error is not None
    assert abs(estimate.value - exact) <= 5 * estimate.standard_error + slack, f"{estimate} is not {exact}"
