"""Whether the model finds images of another kind less likely."""

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

from vae_lab import build
from vae_lab.configuration.choices import targets
from vae_lab.configuration.groups import TREATMENT_KEYS
from vae_lab.configuration.options import PositiveInt
from vae_lab.configuration.paths import conf_dir
from vae_lab.data.batches import to_unit
from vae_lab.distributions.conditional import at_least_float32
from vae_lab.errors import UserError, nearest
from vae_lab.evaluation.blocks import blocks
from vae_lab.evaluation.measure import Estimate, EvaluationContext, Images, Measure, no_encoder
from vae_lab.evaluation.scores.ranking import auroc
from vae_lab.maths import bounds
from vae_lab.models.latent_model import Trace
from vae_lab.seeding import RngStream, derive_seed, generator

Array = np.ndarray[Any, np.dtype[Any]]

WORDS = {"nll": "NLL, importance-weighted bound", "elbo": "negative ELBO", "distortion": "distortion"}


class Anomaly(Measure):
    """The probability that an anomaly scores above an image of the chosen split, by three scores of an image:

        nll         -log p(x), by the importance-weighted bound
        elbo        rate + distortion, the negative ELBO
        distortion  -E_q log p(x | z), the reconstruction error

    The anomalies are test images of the classes that the run left out (`data.leave_out`), of another data set, and,
    always, the images themselves with their pixels in another order, the same for all. The figure is the area under
    the receiver operating characteristic: 1 where anomalies always score higher, 1/2 where the score does not tell.
    Below 1/2 the model finds them likelier than its own images, which happens: Nalisnick et al. 2019,
    https://arxiv.org/abs/1810.09136.

    Args:
        other: the name of a data set of the same image shape, treated as the run's own; its test images are taken.
        num_images: images of each kind, at most.
        num_samples: latent samples for each image.
    """

    def __init__(
        self, other: str | None = None, num_images: PositiveInt = 1_000, num_samples: PositiveInt = 100
    ) -> None:
        self.other = other
        self.num_images = num_images
        self.num_samples = num_samples

    def unavailable_reason(self, context: EvaluationContext) -> str | None:
        if (reason := no_encoder(context)) is not None:
            return reason
        if context.images.c is not None:
            return "the model is told the class of an image, and an anomaly has none; train without condition=label"
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
                    f"probability that one of {len(anomalies):,} anomalies ({source}) has the higher {WORDS[score]}",
                    len(usual[score]),
                    found.standard_error,
                    self.num_samples,
                )
        return estimates

    def _sources(self, context: EvaluationContext) -> dict[str, Tensor]:
        """The anomalies of each kind, in [0, 1], as the likelihood sees them."""
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
        """The scores of each image, by name, of shape (N,)."""
        # A seed of its own: two kinds of images under the same noise would not be independent.
        seed = derive_seed(context.seed, RngStream.ANOMALY, crc32(source.encode()))
        parts: dict[str, list[Tensor]] = defaultdict(list)
        images = unlabelled(x.to(context.images.x))
        for block in blocks(replace(context, images=images, seed=seed), self.num_samples, RngStream.ANOMALY, "anomaly"):
            kept = [per_sample(trace, context.model.has_elbo) for trace in block.traces]
            for name, values in scores_of(torch.cat(kept, 1)).items():
                parts[name].append(values)
        return {name: torch.cat(values).cpu().numpy() for name, values in parts.items()}


def unlabelled(x: Tensor) -> Images:
    """Images that are told apart by nothing but their pixels."""
    return Images(x, x.new_zeros(len(x)), None)


def per_sample(trace: Trace, has_elbo: bool) -> Tensor:
    """log p(x|z) and, where there is one, the KL and the log-weight of each sample: (1 or 3, K, I), in nats."""
    terms = (trace.log_px, trace.kl(), trace.log_w()) if has_elbo else (trace.log_px,)
    return at_least_float32(torch.stack(terms))


def scores_of(terms: Tensor) -> dict[str, Tensor]:
    """The scores of images, of shape (I,), given what `per_sample` has of all samples."""
    log_px, *others = terms
    scores = {"distortion": -log_px.mean(0)}
    if others:
        kl, log_w = others
        scores |= {"elbo": -bounds.elbo(log_px, kl), "nll": -bounds.importance_weighted(log_w)}
    return scores


def other_images(name: str, context: EvaluationContext) -> Tensor:
    """The test images of another data set, treated as those of the run, in [0, 1].

    Raises:
        UserError: where there is no such data set, its files are missing, or its images are of another shape.
    """
    where = f"measure.anomaly.other={name}"
    if name not in targets("data"):
        raise UserError(f"{where}: there is no such data set; {nearest(name, targets('data'))}")
    own = OmegaConf.load(Path(conf_dir(), "data", f"{name}.yaml"))
    assert isinstance(own, DictConfig)
    missing = sorted(OmegaConf.missing_keys(own))
    if missing:
        raise UserError(f"{where}: this data set needs a {missing[0]}, which is not to be given here; choose another")
    treatment = TREATMENT_KEYS - {"leave_out", "num_train"}  # these two say which images, not how they are served
    kept = {key: value for key, value in context.config.data.items() if key in treatment}
    root = {"root": context.config.data.root} if "root" in own and "root" in context.config.data else {}
    config = OmegaConf.merge(context.config, {"data": None})
    config.data = OmegaConf.merge(own, kept, root)
    assert isinstance(config, DictConfig)
    data = build.data(config)
    if data.image_shape != context.data.image_shape:
        shapes = ["x".join(map(str, shape)) for shape in (data.image_shape, context.data.image_shape)]
        raise UserError(f"{where}: its images are of {shapes[0]}, not of {shapes[1]} as the run's; choose another")
    return to_unit(data.test.images)
