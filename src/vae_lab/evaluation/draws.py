"""Images drawn from a trained model."""

import torch
from torch import Tensor

from vae_lab.evaluation.measure import EvaluationContext
from vae_lab.seeding import RngStream, reseed

# Always as many, so that no memory bound changes the noise.
IMAGES_AT_ONCE = 100

NO_SAMPLES = (
    "this model has no samples: its objective did not draw the codes towards the prior; "
    "train with objective=elbo posterior=diagonal"
)


@torch.no_grad()
def draw_images(context: EvaluationContext, c: Tensor | None, num: int) -> Tensor:
    """`num` draws x ~ p(x | z), z ~ p(z), of shape (num, C, H, W), on the host.

    They are draws, not the means of p(x | z): the law of the draws is what the likelihood is fitted to.

    Args:
        subject: the trained model.
        c: what each image is conditioned on, of shape (num, classes), or None.
        num: images.
    """
    images = []
    for block, start in enumerate(range(0, num, IMAGES_AT_ONCE)):
        reseed(context.device, context.seed, RngStream.DRAWS, block)
        end = min(start + IMAGES_AT_ONCE, num)
        given = None if c is None else c[start:end].to(context.device)
        images.append(context.model.generate(end - start, given).sample().cpu())
    return torch.cat(images)
