"""Pictures of a model's images: functions from tensors to tensors of shape (C, height, width)."""

import math
from pathlib import Path

import torch
from torch import Tensor
from torchvision.utils import make_grid, save_image

from vae_lab.corruptions.corruption import Corruption
from vae_lab.models.latent_model import LatentModel
from vae_lab.models.vae import VAE
from vae_lab.priors.standard_normal import StandardNormal
from vae_lab.runs.owned import OwnedFolder

# Images are enlarged by a whole factor until their shorter side has at least this many pixels.
MIN_SIDE = 48


@torch.no_grad()
def draw(model: LatentModel, images: Tensor, num_samples: int, c: Tensor | None = None) -> dict[str, Tensor]:
    """Draw all pictures of a model: reconstructions, samples, and the manifold.

    A model without an encoder has no reconstructions. The manifold is drawn for two latent units with a standard normal
    prior.

    Args:
        model: the model.
        images: images to reconstruct, of shape (B, C, H, W).
        num_samples: the number of images to generate; 0 for a model whose codes were not fitted to the prior, since it
            was not trained to decode samples of the prior. Then there is no manifold either.
        c: what the images are conditioned on, their one-hot classes of shape (B, classes), or None. With a condition,
            the samples are one row for each of the first classes.

    Returns:
        The pictures by name.
    """
    pictures = {"reconstructions": reconstructions(model, images, c)} if model.has_encoder else {}
    if num_samples and c is not None:
        pictures["samples"] = samples_by_class(model, c.shape[-1], num_samples, images)
    elif num_samples:
        pictures["samples"] = samples(model, num_samples)
        if isinstance(model, VAE) and isinstance(model.prior, StandardNormal) and model.prior.latent_dim == 2:
            pictures["manifold"] = manifold(model, images)
    return pictures


def reconstructions(model: LatentModel, images: Tensor, c: Tensor | None = None, num_columns: int = 8) -> Tensor:
    """Draw rows of images, each above the row of their reconstructions, the means of p(x | z) at the images' codes.

    If the encoder sees corrupted images, these are a row between the two.

    Args:
        model: a model with an encoder.
        images: of shape (B, C, H, W).
        c: what they are conditioned on, of shape (B, classes), or None.
        num_columns: images in each row.
    """
    codes, corrupted = codes_and_inputs(model, images, c)
    shown = [images, *corrupted, model.decode(codes, c).mean.to(images)]
    blanks = images.new_full((-len(images) % num_columns, *images.shape[1:]), 0.5)  # fill the last row
    rows = zip(*(torch.cat([part, blanks]).split(num_columns) for part in shown), strict=True)
    return grid(torch.cat([row for beneath in rows for row in beneath]), num_columns)


def codes_and_inputs(model: LatentModel, images: Tensor, c: Tensor | None) -> tuple[Tensor, list[Tensor]]:
    """Return the codes of images, and the corrupted images that the encoder saw, in a list; empty if clean."""
    outputs: list[Tensor] = []
    hooks = [
        module.register_forward_hook(lambda *call: outputs.append(call[-1]))
        for module in model.modules()
        if isinstance(module, Corruption)
    ]
    codes = model.code(images, c)
    for hook in hooks:
        hook.remove()
    return codes, [output for output in outputs if not torch.equal(output, images)]


def samples(model: LatentModel, num_samples: int) -> Tensor:
    """Draw means of p(x | z) at latent vectors from the prior."""
    return grid(model.generate(num_samples).mean, num_columns=math.isqrt(num_samples))


def samples_by_class(
    model: LatentModel, num_classes: int, num_samples: int, reference: Tensor, max_rows: int = 10
) -> Tensor:
    """Draw means of p(x | z, class) at latent vectors from the prior, one row for each of the first classes.

    Args:
        model: a model that is conditioned on the class.
        num_classes: the number of classes.
        num_samples: the number of images in all rows together, at most.
        reference: a tensor of the model's device and precision.
        max_rows: the number of rows, at most.
    """
    classes = torch.eye(num_classes).to(reference)[:max_rows]
    num_columns = max(1, num_samples // len(classes))
    c = classes.repeat_interleave(num_columns, 0)  # (rows * columns, classes)
    return grid(model.generate(len(c), c).mean, num_columns)


def manifold(model: LatentModel, reference: Tensor, side: int = 20) -> Tensor:
    """Draw means of p(x | z) over the plane of two latent units, at evenly spaced quantiles of a standard normal.

    Kingma & Welling 2014, figure 4, https://arxiv.org/abs/1312.6114.

    Args:
        model: a model with two latent units.
        reference: a tensor of the model's device and precision.
        side: the number of images along each side of the plane.
    """
    quantiles = torch.special.ndtri(torch.linspace(0.5 / side, 1 - 0.5 / side, side, dtype=torch.float64))
    rows, columns = torch.meshgrid(quantiles.flip(0), quantiles, indexing="ij")
    z = torch.stack([columns, rows], -1).flatten(0, 1)  # (side^2, 2)
    return grid(model.decode(z.to(reference)).mean, num_columns=side, padding=0)


def grid(images: Tensor, num_columns: int, padding: int = 2) -> Tensor:
    """Arrange images of shape (N, C, H, W) in a grid with pixels in [0, 1], small images enlarged."""
    factor = -(-MIN_SIDE // min(images.shape[-2:]))
    large = images.float().clamp(0, 1).repeat_interleave(factor, -2).repeat_interleave(factor, -1)
    return make_grid(large, nrow=num_columns, padding=padding, pad_value=0.5).cpu()


def write_png(picture: Tensor, folder: OwnedFolder, path: Path) -> None:
    """Write a picture as a PNG file inside of a folder, atomically."""
    with folder.write(path) as unfinished:
        save_image(picture, unfinished)
