"""Measure the reconstruction error of images, and compare it with principal components."""

from collections.abc import Mapping

import torch
from torch import Tensor

from vae_lab.evaluation.measure import Estimate, EvaluationContext, Measure, not_held_out, over_images


class Reconstruction(Measure):
    """The squared error of reconstructions, summed over pixels, in squared units of the pixel range.

    |x - E[x | z]|^2 at the code z of x, the mean (or mode) of q(z | x)

    `squared_error_pca` is the error of the principal components of the training images, as many as a code has units. No
    linear code has a lower error on the training images (Bourlard & Kamp 1988, https://doi.org/10.1007/BF00332918).
    """

    def unavailable_reason(self, context: EvaluationContext) -> str | None:
        return not_held_out(context) if context.model.has_encoder else "the model has no encoder, and so no codes"

    @torch.no_grad()
    def __call__(self, context: EvaluationContext) -> Mapping[str, Estimate]:
        model, errors, num_units = context.model, [], 0
        for some in context.images.split_up(context.max_rows):
            z = model.code(some.x, some.c)  # (B, *latent)
            num_units = z[0].numel()
            errors.append((model.decode(z, some.c).mean - some.x).square().flatten(1).sum(1).double().cpu())
        training, images = (part.x.flatten(1).double().cpu() for part in (context.training, context.images))
        return {
            "squared_error": over_images(torch.cat(errors), "squared error of E[x | z] at the code of x"),
            "squared_error_pca": over_images(
                squared_error_of_pca(training, images, num_units),
                f"squared error of {num_units} principal components of {len(training):,} training images",
            ),
        }


def squared_error_of_pca(training: Tensor, images: Tensor, num_components: int) -> Tensor:
    """Return the squared distance of each image from the span of the first principal components, of shape (N,).

    Args:
        training: images that the components are computed from, of shape (M, D).
        images: of shape (N, D).
        num_components: the number of components.
    """
    mean = training.mean(0)
    _, axes = torch.linalg.eigh(torch.cov(training.T))  # in order of increasing variance
    left_out = axes[:, : max(0, axes.shape[1] - num_components)]
    return ((images - mean) @ left_out).square().sum(1)
