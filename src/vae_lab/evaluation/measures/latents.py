"""Measure how much the code of an image says about its class."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from vae_lab.configuration.options import PositiveInt
from vae_lab.evaluation.codes import codes_of
from vae_lab.evaluation.measure import Estimate, EvaluationContext, Measure, no_encoder, not_held_out, over_images

Array = np.ndarray[Any, np.dtype[Any]]


class Latents(Measure):
    """How well simple methods predict the classes from the codes, the means (or modes) of q(z | x).

    `knn_accuracy`          the majority among the nearest training codes, by Euclidean distance
    `retrieval_precision`   the share of those training codes that are of the image's own class
    `linear_probe_accuracy` multinomial logistic regression on standardised codes, fitted to training codes
    `clustering_nmi`        the normalised mutual information of the classes and equally many k-means clusters:
                            2 I(clusters; classes) / (H(clusters) + H(classes))

    Args:
        num_training: training images to learn from, at most.
        num_neighbours: k of the nearest neighbours and of the retrieval.
    """

    def __init__(self, num_training: PositiveInt = 10_000, num_neighbours: PositiveInt = 10) -> None:
        self.num_training = num_training
        self.num_neighbours = num_neighbours

    def unavailable_reason(self, context: EvaluationContext) -> str | None:
        if (reason := no_encoder(context) or not_held_out(context)) is not None:
            return reason
        if len(context.data.classes) < 2:
            return "the images of this data set have no classes that a probe could predict"
        if set(context.images.labels.tolist()) - set(context.training.labels.tolist()):
            return "some classes of these images have no training image, so no probe could learn them"
        if len(context.training.x) < self.num_neighbours:
            return (
                f"there are fewer training images than num_neighbours={self.num_neighbours}; "
                "choose a smaller measure.latents.num_neighbours"
            )
        return None

    def __call__(self, context: EvaluationContext) -> Mapping[str, Estimate]:
        from sklearn.cluster import KMeans
        from sklearn.linear_model import LogisticRegression
        from sklearn.metrics import normalized_mutual_info_score
        from sklearn.neighbors import NearestNeighbors
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        training = context.training.some(max(self.num_training, self.num_neighbours))
        train_codes, train_labels = codes_of(context, training), training.labels.cpu().numpy()
        image_codes, labels = codes_of(context, context.images), context.images.labels.cpu().numpy()
        learned = f"{len(train_codes):,} training codes"

        index = NearestNeighbors(n_neighbors=self.num_neighbours).fit(train_codes)
        neighbours = train_labels[index.kneighbors(image_codes, return_distance=False)]  # (N, k)
        probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)).fit(train_codes, train_labels)
        classes = len(np.unique(labels))
        clusters = KMeans(classes, n_init=10, random_state=context.seed % 2**32).fit_predict(image_codes)
        return {
            "knn_accuracy": over_images(
                torch.from_numpy(majority(neighbours) == labels).double(),
                f"majority of the {self.num_neighbours} nearest of {learned}",
            ),
            "retrieval_precision": over_images(
                torch.from_numpy((neighbours == labels[:, None]).mean(1)),
                f"share of the {self.num_neighbours} nearest of {learned} that are of the same class",
            ),
            "linear_probe_accuracy": over_images(
                torch.from_numpy(probe.predict(image_codes) == labels).double(),
                f"logistic regression fitted to {learned}, standardised",
            ),
            "clustering_nmi": Estimate(
                float(normalized_mutual_info_score(labels, clusters)),
                f"normalised mutual information of classes and {classes} k-means clusters of the codes, the best of 10 "
                "starts",
                len(labels),
            ),
        }


def majority(votes: Array) -> Array:
    """Return the most frequent class in each row of votes, (N, k) -> (N,); the smallest of equally frequent ones."""
    counts = np.stack([(votes == label).sum(1) for label in range(votes.max() + 1)], axis=1)
    return counts.argmax(1)
