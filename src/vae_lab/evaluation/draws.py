"""Draw images from a trained model."""

import torch
from torch import Tensor

from vae_lab.evaluation.measure import EvaluationContext
from vae_lab.seeding import RngStream, reseed

# A constant, so that no memory limit changes the random numbers.
IMAGES_AT_ONCE = 100

NO_SAMPLES = (
    "this model has no samples, because its objective does not fit the codes to the prior; "
    "train with objective=elbo posterior=diagonal"
)


@torch.no_grad()
def draw_images(context: EvaluationContext, c: Tensor | None, num: int) -> Tensor:
    """Draw `num` images x ~ p(x | z), z ~ p(z), of shape (num, C, H, W), on the CPU.

    They are draws, not the means of p(x | z): the likelihood is fitted to the distribution of the draws.

    Args:
        context: the trained model.
        c: what each image is conditioned on, of shape (num, classes), or None.
        num: the number of images.
    """
    images = []
    for block, start in enumerate(range(0, num, IMAGES_AT_ONCE)):
        reseed(context.device, context.seed, RngStream.DRAWS, block)
        end = min(start + IMAGES_AT_ONCE, num)
        given = None if c is None else c[start:end].to(context.device)
        images.append(context.model.generate(end - start, given).sample().cpu())
    return torch.cat(images)
