"""Measure how well a model's scores separate anomalies from its own images."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import torch
from omegaconf import DictConfig, OmegaConf
from torch import Tensor

from vae_lab.configuration.choices import targets
from vae_lab.configuration.groups import TREATMENT_KEYS
from vae_lab.configuration.options import PositiveInt, Size
from vae_lab.configuration.paths import conf_dir
from vae_lab.data.batches import to_unit
from vae_lab.distributions.conditional import at_least_float32
from vae_lab.errors import UserError, nearest
from vae_lab.evaluation.blocks import blocks
from vae_lab.evaluation.measure import Estimate, EvaluationContext, Images, Measure, no_encoder
from vae_lab.evaluation.scores.ranking import auroc
from vae_lab.maths import bounds
from vae_lab.models.latent_model import Trace
from vae_lab.runs.saved_data import read_named
from vae_lab.seeding import RngStream, derive_seed, generator

Array = np.ndarray[Any, np.dtype[Any]]

SCORES = {"nll": "NLL, importance-weighted bound", "elbo": "negative ELBO", "distortion": "distortion"}


class Anomaly(Measure):
    """The probability that an anomaly scores above an image of the chosen split, for three scores:

        nll         -log p(x), by the importance-weighted bound
        elbo        rate + distortion, the negative ELBO
        distortion  -E_q log p(x | z), the reconstruction error

    There are up to three kinds of anomalies: test images of the classes that the run left out (`data.leave_out`), test
    images of another data set, and, always, the images themselves with their pixels permuted, by one permutation for
    all images. The estimate is the area under the receiver operating characteristic: 1 if anomalies always score
    higher, 1/2 if the score does not separate them. Below 1/2 the model finds them more likely than its own images,
    which is known to happen: Nalisnick et al. 2019, https://arxiv.org/abs/1810.09136.

    Args:
        other: the name of a data set of the same image shape, treated as the run's own, or None.
        num_images: images of each kind, at most.
        num_samples: latent samples for each image.
    """

    def __init__(self, other: str | None = None, num_images: PositiveInt = 1_000, num_samples: Size = 100) -> None:
        self.other = other
        self.num_images = num_images
        self.num_samples = num_samples

    def unavailable_reason(self, context: EvaluationContext) -> str | None:
        if (reason := no_encoder(context)) is not None:
            return reason
        if context.images.c is not None:
            return (
                "the model is conditioned on the class, which an anomaly does not have; train without condition=label"
            )
        try:
            self._sources(context)
        except UserError as error:
            return str(error)
        return None

    def __call__(self, context: EvaluationContext) -> Mapping[str, Estimate]:
        usual = self._scores(context, context.images.some(self.num_images).x, "usual")
        estimates = {}
        for source, anomalies in self._sources(context).items():
            unusual = self._scores(context, anomalies, source)
            for score in unusual:
                found = auroc(unusual[score], usual[score])
                estimates[f"{source}/auroc_{score}"] = Estimate(
                    found.value,
                    f"probability that one of {len(anomalies):,} anomalies ({source}) has the higher {SCORES[score]}",
                    len(usual[score]),
                    found.standard_error,
                    self.num_samples,
                )
        return estimates

    def _sources(self, context: EvaluationContext) -> dict[str, Tensor]:
        """Return the anomalies of each kind, with pixels in [0, 1], as the likelihood sees them."""
        sources = {}
        if context.data.left_out is not None:
            sources["left_out_classes"] = self._some(to_unit(context.data.left_out.images))
        if self.other is not None:
            sources[self.other] = self._some(other_images(self.other, context))
        x = context.images.some(self.num_images).x
        order = torch.randperm(x[0].numel(), generator=generator("cpu", context.seed, RngStream.ANOMALY))
        sources["shuffled_pixels"] = x.flatten(1)[:, order.to(x.device)].reshape(x.shape)
        return sources

    def _some(self, x: Tensor) -> Tensor:
        return unlabelled(x).some(self.num_images).x

    def _scores(self, context: EvaluationContext, x: Tensor, source: str) -> dict[str, Array]:
        """Return the scores of each image, by name, of shape (N,)."""
        # Each kind of images has its own seed: under the same random numbers two kinds would not be independent.
        seed = derive_seed(context.seed, RngStream.ANOMALY, crc32(source.encode()))
        parts: dict[str, list[Tensor]] = defaultdict(list)
        images = unlabelled(x.to(context.images.x))
        for block in blocks(replace(context, images=images, seed=seed), self.num_samples, RngStream.ANOMALY, "anomaly"):
            kept = [per_sample(trace, context.model.has_elbo) for trace in block.traces]
            for name, values in scores_of(torch.cat(kept, 1)).items():
                parts[name].append(values)
        return {name: torch.cat(values).cpu().numpy() for name, values in parts.items()}


def unlabelled(x: Tensor) -> Images:
    """Return images without classes or conditions."""
    return Images(x, x.new_zeros(len(x)), None)


def per_sample(trace: Trace, has_elbo: bool) -> Tensor:
    """Return log p(x|z) of each sample, with KL and log-weight if the model has an ELBO: (1 or 3, K, I), in nats."""
    terms = (trace.log_px, trace.kl(), trace.log_w()) if has_elbo else (trace.log_px,)
    return at_least_float32(torch.stack(terms))


def scores_of(terms: Tensor) -> dict[str, Tensor]:
    """Return the scores of images, of shape (I,), from the terms of all samples that `per_sample` returns."""
    log_px, *others = terms
    scores = {"distortion": -log_px.mean(0)}
    if others:
        kl, log_w = others
        scores |= {"elbo": -bounds.elbo(log_px, kl), "nll": -bounds.importance_weighted(log_w)}
    return scores


def other_images(name: str, context: EvaluationContext) -> Tensor:
    """Return the test images of another data set, treated as those of the run, with pixels in [0, 1].

    Raises:
        UserError: if the data set is unknown, its files are missing, or its images are of another shape.
    """
    where = f"measure.anomaly.other={name}"
    if name not in targets("data"):
        raise UserError(f"{where}: this data set is unknown; {nearest(name, targets('data'))}")
    own = OmegaConf.load(Path(conf_dir(), "data", f"{name}.yaml"))
    assert isinstance(own, DictConfig)
    missing = sorted(OmegaConf.missing_keys(own))
    if missing:
        raise UserError(f"{where}: this data set needs a {missing[0]}, which cannot be given here; choose another")
    treatment = TREATMENT_KEYS - {"leave_out", "num_train"}  # these two select images, and do not treat their pixels
    kept = {key: value for key, value in context.config.data.items() if key in treatment}
    root = {"root": context.config.data.root} if "root" in own and "root" in context.config.data else {}
    config = OmegaConf.merge(context.config, {"data": None})
    config.data = OmegaConf.merge(own, kept, root)
    assert isinstance(config, DictConfig)
    data = read_named(config)
    if data.image_shape != context.data.image_shape:
        shapes = ["x".join(map(str, shape)) for shape in (data.image_shape, context.data.image_shape)]
        raise UserError(f"{where}: its images are {shapes[0]}, expected {shapes[1]} as in the run; choose another")
    return to_unit(data.test.images)
