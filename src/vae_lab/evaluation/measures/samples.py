"""Compare the model's samples with real images, by the features of a small classifier."""

from collections.abc import Mapping
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from vae_lab.evaluation import classifier
from vae_lab.evaluation.draws import NO_SAMPLES, draw_images
from vae_lab.evaluation.measure import Estimate, EvaluationContext, Measure, not_held_out, over_images
from vae_lab.evaluation.scores.samples import NUM_BLOCKS, NUM_NEIGHBOURS, frechet_distance, kernel_distance
from vae_lab.evaluation.scores.samples import precision_recall as precision_and_recall

MIN_IMAGES = 100  # the fewest images from which a distance of distributions is estimated


class Samples(Measure):
    """Distances of distributions, precision and recall, between draws of p(x | z) and images of the chosen split.

    The features are those of a small classifier of the same data set (`vae_lab.evaluation.classifier`), on pixels as
    the likelihood sees them. They are not Inception features, so the estimates cannot be compared with those of other
    programs. They can be compared with `reference_...`, the same estimates of equally many training images, which the
    classifier has not seen either: what a model that draws real images would reach.

    Args:
        num_images: the number of samples, and of real images, at most, and no more than half of the training images;
            the distances depend on it.
    """

    def __init__(self, num_images: Annotated[int, Field(ge=MIN_IMAGES)] = 5_000) -> None:
        self.num_images = num_images

    def unavailable_reason(self, context: EvaluationContext) -> str | None:
        if (reason := not_held_out(context)) is not None:
            return reason
        if not context.fits_prior:
            return NO_SAMPLES
        if len(context.data.classes) < 2:
            return "it compares features of a classifier, and the images of this data set have no classes"
        if self._num(context) < MIN_IMAGES:
            return f"it needs at least {MIN_IMAGES} images, and twice as many training images; choose more"
        return None

    def _num(self, context: EvaluationContext) -> int:
        """Return how many images are compared: half of the training images at least are left to the classifier."""
        return min(self.num_images, len(context.images.x), len(context.training.x) // 2)

    def __call__(self, context: EvaluationContext) -> Mapping[str, Estimate]:
        num = self._num(context)
        real = context.images.some(num)
        reference, others = context.training.parted(num)
        classes = torch.tensor(context.data.classes)
        positions = torch.searchsorted(classes, others.labels.cpu()).to(others.labels)
        net = classifier.load_or_train(others._replace(labels=positions), len(classes), context.device)
        drawn = draw_images(context, real.c, num)
        of_real, of_training, of_drawn = (
            classifier.features(net, x, context.device) for x in (real.x, reference.x, drawn)
        )
        right = classes[classifier.predictions(net, real.x, context.device)] == real.labels.cpu()
        estimator = "share of real images that the classifier predicts right, which says how good its features are"
        estimates = {"accuracy_of_small_classifier": over_images(right.double(), estimator)}
        drawn_estimates = compare_features(of_drawn, of_real, f"{num:,} draws of p(x|z), z ~ p(z)")
        references = compare_features(of_training, of_real, f"{num:,} training images that the classifier has not seen")
        for name, estimate in drawn_estimates.items():
            estimates |= {name: estimate, f"reference_{name}": references[name]}
        return estimates


def compare_features(features: Tensor, real: Tensor, of: str) -> dict[str, Estimate]:
    """Return all estimates of some images against equally many real ones.

    Args:
        features: the features of the images, of shape (N, D).
        real: the features of the real images, of shape (N, D).
        of: what the images are, in words.
    """
    num = len(real)
    against = f"of {features.shape[1]} features of a small classifier (not Inception), {of} against {num:,} real images"
    kernel = kernel_distance(features, real)
    precision, recall = precision_and_recall(features, real)
    balls = f"inside a ball out to the {NUM_NEIGHBOURS}rd neighbour, {against}"
    return {
        "frechet_distance_small_classifier": Estimate(
            frechet_distance(features, real), f"squared Frechet distance of fitted normal distributions {against}", num
        ),
        "kernel_distance_small_classifier": Estimate(
            kernel.value,
            f"unbiased squared MMD, kernel (x y / D + 1)^3, mean of {NUM_BLOCKS} blocks, {against}",
            num,
            kernel.standard_error,
        ),
        "precision_small_classifier": Estimate(
            precision, f"share of the former {balls}", num, (precision * (1 - precision) / num) ** 0.5
        ),
        "recall_small_classifier": Estimate(
            recall, f"share of the latter {balls}", num, (recall * (1 - recall) / num) ** 0.5
        ),
    }
