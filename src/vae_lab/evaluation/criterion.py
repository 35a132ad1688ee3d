"""The metrics of validation and testing, and the metric by which the best epoch is chosen."""

from abc import ABC, abstractmethod
from typing import ClassVar

from torch import Tensor

from vae_lab.evaluation import validation_bounds
from vae_lab.maths import divergences
from vae_lab.models.latent_model import LatentModel

Metrics = dict[str, Tensor]


class Criterion(ABC):
    """A way to measure a model that does not depend on its objective.

    Metrics are of shape (B,) each, in nats unless the criterion says otherwise.

    Attributes:
        names: the names of the metrics of validation.
        monitored: the metric by which epochs are compared.
        higher_is_better: whether a higher value of that metric is better.
    """

    names: ClassVar[tuple[str, ...]]
    monitored: ClassVar[str]
    higher_is_better: ClassVar[bool]

    @abstractmethod
    def validate(self, model: LatentModel, x: Tensor, c: Tensor | None = None) -> Metrics:
        """Return the metrics of validation, cheap enough for every epoch.

        Args:
            model: a model that this criterion is for.
            x: images, of shape (B, C, H, W).
            c: what they are conditioned on, of shape (B, classes), or None.
        """

    @abstractmethod
    def test(self, model: LatentModel, x: Tensor, c: Tensor | None = None, *, nll_samples: int) -> Metrics:
        """Return the metrics for the end of a run.

        Args:
            model: a model that this criterion is for.
            x: images, of shape (B, C, H, W).
            c: what they are conditioned on, of shape (B, classes), or None.
            nll_samples: latent samples K for each image, if the likelihood is estimated.
        """


class PlainELBO(Criterion):
    """The ELBO of the model, its two parts and, at the end, the likelihood."""

    names = ("elbo", "rate", "distortion")
    monitored = "elbo"
    higher_is_better = True

    def validate(self, model: LatentModel, x: Tensor, c: Tensor | None = None) -> Metrics:
        return validation_bounds.plain_elbo(model, x, c)

    def test(self, model: LatentModel, x: Tensor, c: Tensor | None = None, *, nll_samples: int) -> Metrics:
        nll = validation_bounds.nll(model, x, c, num_samples=nll_samples)
        return {**validation_bounds.plain_elbo(model, x, c), "nll": nll}


class Distortion(Criterion):
    """The distortion only, for models whose codes have no density."""

    names = ("distortion",)
    monitored = "distortion"
    higher_is_better = False

    def validate(self, model: LatentModel, x: Tensor, c: Tensor | None = None) -> Metrics:
        return {"distortion": -model.trace(x, c).log_px.mean(0)}

    def test(self, model: LatentModel, x: Tensor, c: Tensor | None = None, *, nll_samples: int) -> Metrics:
        return self.validate(model, x, c)


class KernelScore(Criterion):
    """How well samples of the model match the images, for models without an encoder.

    S = E k(y, y') - 2 E k(x, y),  k(x, y) = C / (C + |x - y|^2),  C = D / 32

    for an image x and images y of the model, the means of p(x | z) at z ~ p(z), of D pixel values each. Averaged over
    images it is MMD^2 - E k(x, x'), so it differs from the squared maximum mean discrepancy by a constant of the data.
    It is lowest for the distribution of the images themselves, has no unit, and compares models of the same images
    only. Unlike the discrepancy it is defined for each single image, so neighbours in a data set need not be
    independent. It is a proper score, estimated without bias: Gneiting & Raftery 2007, section 5,
    https://doi.org/10.1198/016214506000001437. C is well below the mean squared distance of two images, so that near
    images count most.
    """

    names = ("kernel_score",)
    monitored = "kernel_score"
    higher_is_better = False

    def validate(self, model: LatentModel, x: Tensor, c: Tensor | None = None) -> Metrics:
        samples = model.sample_joint(max(len(x), 2)).p.mean.flatten(1)
        kernel, bandwidth = divergences.inverse_multiquadric, samples.shape[1] / 32
        return {"kernel_score": divergences.kernel_score(x.flatten(1), samples, kernel, bandwidth)}

    def test(self, model: LatentModel, x: Tensor, c: Tensor | None = None, *, nll_samples: int) -> Metrics:
        return self.validate(model, x, c)


def criterion_of(model: LatentModel) -> Criterion:
    """Return the criterion that fits a model: by its encoder, and by whether its codes have a density."""
    if not model.has_encoder:
        return KernelScore()
    return PlainELBO() if model.has_elbo else Distortion()
