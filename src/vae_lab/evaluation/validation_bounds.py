"""The ELBO and the NLL of a model on images: the metrics of validation, testing and model selection."""

import math

import torch
from torch import Tensor

from vae_lab.maths import bounds
from vae_lab.models.latent_model import LatentModel

# Decoded images held at once: more of them exceed the CPU's cache, and take twice the time.
ROWS_AT_ONCE = 2048


def plain_elbo(model: LatentModel, x: Tensor, c: Tensor | None = None) -> dict[str, Tensor]:
    """Return the ELBO with one latent sample for each image, and its two parts, independent of the training objective.

    Args:
        model: any latent-variable model.
        x: images, of shape (B, C, H, W).
        c: what they are conditioned on, of shape (B, classes), or None.

    Returns:
        `elbo`, `rate` and `distortion` in nats, of shape (B,) each; elbo = -(rate + distortion).
    """
    trace = model.trace(x, c)
    kl = trace.kl()
    return {"elbo": bounds.elbo(trace.log_px, kl), "rate": kl.mean(0), "distortion": -trace.log_px.mean(0)}


def nll(model: LatentModel, x: Tensor, c: Tensor | None = None, *, num_samples: int) -> Tensor:
    """Return the negative log-likelihood -log p(x) in nats, of shape (B,), by the importance-weighted bound.

    -log 1/K sum_k p(x, z_k) / q(z_k | x),  z_k ~ q(z | x)

    With finitely many samples it is an upper bound in expectation: Burda et al. 2016,
    https://arxiv.org/abs/1509.00519.

    Args:
        model: a model with an ELBO.
        x: images, of shape (B, C, H, W).
        c: what they are conditioned on, of shape (B, classes), or None.
        num_samples: K, for each image.
    """
    chunk = max(1, ROWS_AT_ONCE // num_samples)  # images
    conditions = [None] * -(-len(x) // chunk) if c is None else c.split(chunk)
    log_w = [
        model.trace(images, condition, num_samples=num_samples).log_w()
        for images, condition in zip(x.split(chunk), conditions, strict=True)
    ]
    return -bounds.importance_weighted(torch.cat(log_w, 1))


def bits_per_dim(nats: float, num_dims: int, *, dequantized: bool = False) -> float:
    r"""Convert nats per image into bits per pixel value.

    -log p(x) / (D log 2)                     of binary pixels or 256 levels
    (-log p(x) + D log 256) / (D log 2)       of dequantised pixels

    A density p gives an image k of 256 levels the probability P(k), its integral over the cell of volume 256^-D that k
    is spread over: P(k) = 256^-D E_u[p((k + u) / 256)]. By Jensen's inequality
    -log P(k) <= D log 256 - E_u[log p((k + u) / 256)]. So on dequantised pixels the value is an upper bound, in
    expectation over u, on the code length of the levels, and can be compared with that of a distribution of levels:
    Theis et al. 2016, section 3.1, https://arxiv.org/abs/1511.01844.

    Args:
        nats: -log p(x), or a bound on it, in nats per image.
        num_dims: D, the number of pixel values of an image.
        dequantized: whether the image is one of dequantised pixels.

    >>> bits_per_dim(784 * math.log(256), 784), bits_per_dim(0.0, 784, dequantized=True)
    (8.0, 8.0)
    """
    return nats / (num_dims * math.log(2)) + (8 if dequantized else 0)
