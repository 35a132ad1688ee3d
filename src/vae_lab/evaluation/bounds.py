"""The plain bounds of a model on images: the figures of validation, testing and model selection."""

import math

import torch
from torch import Tensor

from vae_lab.maths import bounds
from vae_lab.model import LatentModel

# Decoded images held at once: more no longer fit the processor's cache, and take twice the time.
ROWS_AT_ONCE = 2048


def plain_elbo(model: LatentModel, x: Tensor, c: Tensor | None = None) -> dict[str, Tensor]:
    """The ELBO with one latent sample for each image, and its two parts, whatever the model was trained with.

    Args:
        model: any latent-variable model.
        x: images, of shape (B, C, H, W).
        c: what they are conditioned on.

    Returns:
        `elbo`, `rate` and `distortion` in nats, of shape (B,) each; elbo = -(rate + distortion).
    """
    trace = model.trace(x, c)
    kl = trace.kl()
    return {"elbo": bounds.elbo(trace.log_px, kl), "rate": kl.mean(0), "distortion": -trace.log_px.mean(0)}


def nll(model: LatentModel, x: Tensor, c: Tensor | None = None, *, num_samples: int) -> Tensor:
    """The negative log-likelihood -log p(x) in nats, of shape (B,), by the importance-weighted bound.

    With finitely many samples it is an upper bound in expectation: Burda et al. 2016,
    https://arxiv.org/abs/1509.00519.
    """
    chunk = max(1, ROWS_AT_ONCE // num_samples)  # images
    contexts = [None] * -(-len(x) // chunk) if c is None else c.split(chunk)
    log_w = [
        model.trace(images, context, num_samples=num_samples).log_w()
        for images, context in zip(x.split(chunk), contexts, strict=True)
    ]
    return -bounds.importance_weighted(torch.cat(log_w, 1))


def bits_per_dim(nats: float, num_dims: int) -> float:
    """Nats per image as bits for each pixel value: nats / (D log 2)."""
    return nats / (num_dims * math.log(2))
