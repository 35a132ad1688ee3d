"""What evaluation sees of a model that was never trained."""

from typing import Any

import torch

from helpers.composed import composed
from vae_lab import build
from vae_lab.evaluation.context import evaluation_context
from vae_lab.evaluation.measure import EvaluationContext
from vae_lab.runs.trained import Trained


def context(*overrides: str, split: Any = "test") -> EvaluationContext:
    """A model that was never trained, on digits."""
    config = composed("data=digits", "latent_dim=4", *overrides)
    data = build.data(config)
    classes = build.classes(config, data)
    num_classes = None if classes is None else len(classes)
    model = build.model(config, data.image_shape, data.pixel_mean(), num_classes).eval().requires_grad_(False)
    run = Trained(model, config, data.image_shape, {}, fits_prior=True, classes=classes)
    return evaluation_context(run, split=split, num_images=None, seed=0, device=torch.device("cpu"), memory_mib=1024)
