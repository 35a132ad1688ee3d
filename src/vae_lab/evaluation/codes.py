"""Compute the codes of images."""

from typing import Any

import numpy as np
import torch

from vae_lab.evaluation.measure import EvaluationContext, Images

Array = np.ndarray[Any, np.dtype[Any]]


@torch.no_grad()
def codes_of(context: EvaluationContext, images: Images) -> Array:
    """Return the code of each image, the mean or mode of its posterior, of shape (N, D) in float64."""
    parts = [context.model.code(some.x, some.c).flatten(1).double().cpu() for some in images.split_up(context.max_rows)]
    return torch.cat(parts).numpy()
