"""Measure whether the model's samples are copies of training images."""

from collections.abc import Mapping

from vae_lab.configuration.options import PositiveInt
from vae_lab.evaluation.draws import NO_SAMPLES, draw_images
from vae_lab.evaluation.measure import Estimate, EvaluationContext, Measure, not_held_out, over_images
from vae_lab.evaluation.scores.neighbours import distance_to_nearest
from vae_lab.evaluation.scores.ranking import auroc


class Memorisation(Measure):
    """The distances of samples, and of real images of the chosen split, from the nearest training image.

    Distances are Euclidean, between pixels as the likelihood sees them. If samples are nearer to the training images
    than unseen real images are, the model copies. `nearer_than_real` is the probability that a sample is the nearer of
    the two: 1/2 for a model of the true distribution, and 1 for one that repeats its training images: Meehan et al.
    2020, section 3.2, https://arxiv.org/abs/2004.05675. Noisy pixels of p(x | z) make the distances of samples larger.

    Args:
        num_images: the number of samples, and of real images, at most.
    """

    def __init__(self, num_images: PositiveInt = 1_000) -> None:
        self.num_images = num_images

    def unavailable_reason(self, context: EvaluationContext) -> str | None:
        return not_held_out(context) if context.fits_prior else NO_SAMPLES

    def __call__(self, context: EvaluationContext) -> Mapping[str, Estimate]:
        images = context.images.some(self.num_images)
        references = context.training.x.to(context.device)
        of_real, of_drawn = (
            distance_to_nearest(x.to(references), references).double().cpu()
            for x in (images.x, draw_images(context, images.c, len(images.x)))
        )
        nearer = auroc(of_real.numpy(), of_drawn.numpy())
        num, nearest = len(of_real), f"Euclidean distance from the nearest of {len(references):,} training images"
        return {
            "distance_of_samples": over_images(of_drawn, f"{nearest}, draws of p(x|z), z ~ p(z)"),
            "distance_of_real_images": over_images(of_real, f"{nearest}, real images"),
            "nearer_than_real": Estimate(
                nearer.value, f"probability that a draw has the smaller {nearest}", num, nearer.standard_error
            ),
        }
