"""Pictures of what a model has learned: tensors in, tensors of shape (C, height, width) out."""

import math
from pathlib import Path

import torch
from torch import Tensor
from torchvision.utils import make_grid, save_image

from vae_lab.corruptions.corruption import Corruption
from vae_lab.models.latent_model import LatentModel
from vae_lab.models.vae import VAE
from vae_lab.priors.standard_normal import StandardNormal
from vae_lab.runs.files import atomic_write

# Smaller images are enlarged, each pixel to a square, until their shorter side is at least this long.
MIN_SIDE = 48


@torch.no_grad()
def draw(model: LatentModel, images: Tensor, num_samples: int, labels: Tensor | None = None) -> dict[str, Tensor]:
    """All pictures of a model: reconstructions, samples and, of two latent units under a standard normal, the manifold.

    A model without an encoder has no reconstructions.

    Args:
        model: the model.
        images: images to reconstruct, of shape (B, C, H, W).
        num_samples: images to generate; 0 for a model whose codes nothing drew to the prior, whose samples (and
            manifold) would be of latent vectors that it never learned to decode.
        labels: the one-hot classes of the images, of shape (B, classes), for a model that is conditioned on them: its
            samples are then a row for each of the first classes.
    """
    pictures = {"reconstructions": reconstructions(model, images, labels)} if model.has_encoder else {}
    if num_samples and labels is not None:
        pictures["samples"] = samples_by_class(model, labels, num_samples)
    elif num_samples:
        pictures["samples"] = samples(model, num_samples)
        if isinstance(model, VAE) and isinstance(model.prior, StandardNormal) and model.prior.latent_dim == 2:
            pictures["manifold"] = manifold(model, images)
    return pictures


def reconstructions(model: LatentModel, images: Tensor, labels: Tensor | None = None, num_columns: int = 8) -> Tensor:
    """Rows of images, each above the row of their reconstructions: the means of p(x | z) at the codes of the images.

    Where the encoder saw them corrupted, a row of what it saw stands between the two.
    """
    codes, corrupted = codes_and_inputs(model, images, labels)
    shown = [images, *corrupted, model.decode(codes, labels).mean.to(images)]
    blanks = images.new_full((-len(images) % num_columns, *images.shape[1:]), 0.5)  # to end the last row
    rows = zip(*(torch.cat([part, blanks]).split(num_columns) for part in shown), strict=True)
    return grid(torch.cat([row for beneath in rows for row in beneath]), num_columns)


def codes_and_inputs(model: LatentModel, images: Tensor, labels: Tensor | None) -> tuple[Tensor, list[Tensor]]:
    """The codes of images, and the corrupted images that they are the codes of, if it is these that the encoder saw."""
    outputs: list[Tensor] = []
    hooks = [
        module.register_forward_hook(lambda *call: outputs.append(call[-1]))
        for module in model.modules()
        if isinstance(module, Corruption)
    ]
    codes = model.code(images, labels)
    for hook in hooks:
        hook.remove()
    return codes, [output for output in outputs if not torch.equal(output, images)]


def samples(model: LatentModel, num_samples: int) -> Tensor:
    """Means of p(x | z) at latent vectors drawn from the prior."""
    return grid(model.generate(num_samples).mean, num_columns=math.isqrt(num_samples))


def samples_by_class(model: LatentModel, labels: Tensor, num_samples: int, max_rows: int = 10) -> Tensor:
    """Means of p(x | z, class) at latent vectors drawn from the prior, a row for each of the first classes."""
    classes = torch.eye(labels.shape[-1]).to(labels)[:max_rows]
    num_columns = max(1, num_samples // len(classes))
    c = classes.repeat_interleave(num_columns, 0)  # (rows * columns, classes)
    return grid(model.generate(len(c), c).mean, num_columns)


def manifold(model: LatentModel, like: Tensor, side: int = 20) -> Tensor:
    """Means of p(x | z) over a plane of two latent units, spaced evenly in the probability of a standard normal.

    Kingma & Welling 2014, figure 4, https://arxiv.org/abs/1312.6114.

    Args:
        model: a model with two latent units.
        like: a tensor of the model's device and precision.
        side: images along each side of the plane.
    """
    quantiles = torch.special.ndtri(torch.linspace(0.5 / side, 1 - 0.5 / side, side, dtype=torch.float64))
    rows, columns = torch.meshgrid(quantiles.flip(0), quantiles, indexing="ij")
    z = torch.stack([columns, rows], -1).flatten(0, 1)  # (side^2, 2)
    return grid(model.decode(z.to(like)).mean, num_columns=side, padding=0)


def grid(images: Tensor, num_columns: int, padding: int = 2) -> Tensor:
    """Images of shape (N, C, H, W) side by side, in [0, 1], at a size at which pixels can be seen."""
    factor = -(-MIN_SIDE // min(images.shape[-2:]))
    large = images.float().clamp(0, 1).repeat_interleave(factor, -2).repeat_interleave(factor, -1)
    return make_grid(large, nrow=num_columns, padding=padding, pad_value=0.5).cpu()


def write_png(picture: Tensor, path: Path) -> None:
    """Write a picture, whole or not at all."""
    with atomic_write(path) as unfinished:
        save_image(picture, unfinished)
