"""What validation and testing measure of a model, and the figure by which its best epoch is chosen."""

from abc import ABC, abstractmethod
from typing import ClassVar

from torch import Tensor

from vae_lab.evaluation import validation_bounds
from vae_lab.maths import divergences
from vae_lab.models.latent_model import LatentModel

Figures = dict[str, Tensor]


class Criterion(ABC):
    """A way to measure a model that does not depend on its objective.

    `monitored` names the figure that epochs are compared by, in the direction of `higher_is_better`. Figures are of
    shape (B,) each, in nats unless the criterion says otherwise.
    """

    monitored: ClassVar[str]
    higher_is_better: ClassVar[bool]

    @abstractmethod
    def validate(self, model: LatentModel, x: Tensor, c: Tensor | None = None) -> Figures:
        """The figures of images of shape (B, C, H, W), given their conditions, cheap enough for every epoch."""

    @abstractmethod
    def test(self, model: LatentModel, x: Tensor, c: Tensor | None = None, *, nll_samples: int) -> Figures:
        """The figures for the end of a run.

        Args:
            model: a model that this criterion is for.
            x: images, of shape (B, C, H, W).
            c: what they are conditioned on.
            nll_samples: latent samples K for each image, where the likelihood is estimated.
        """

    def improves(self, value: float, best: float | None) -> bool:
        """Whether a value of the monitored figure beats the best so far (None: there is none); NaN never does."""
        if best is None:
            return value > float("-inf") if self.higher_is_better else value < float("inf")
        return value > best if self.higher_is_better else value < best


class PlainELBO(Criterion):
    """The ELBO of the model, its two parts and, at the end, the likelihood."""

    monitored = "elbo"
    higher_is_better = True

    def validate(self, model: LatentModel, x: Tensor, c: Tensor | None = None) -> Figures:
        return validation_bounds.plain_elbo(model, x, c)

    def test(self, model: LatentModel, x: Tensor, c: Tensor | None = None, *, nll_samples: int) -> Figures:
        nll = validation_bounds.nll(model, x, c, num_samples=nll_samples)
        return {**validation_bounds.plain_elbo(model, x, c), "nll": nll}


class Distortion(Criterion):
    """The distortion alone: all there is without a density of the code."""

    monitored = "distortion"
    higher_is_better = False

    def validate(self, model: LatentModel, x: Tensor, c: Tensor | None = None) -> Figures:
        return {"distortion": -model.trace(x, c).log_px.mean(0)}

    def test(self, model: LatentModel, x: Tensor, c: Tensor | None = None, *, nll_samples: int) -> Figures:
        return self.validate(model, x, c)


class KernelScore(Criterion):
    """How well samples of the model stand for the images: all there is to measure without an encoder.

    S = E k(y, y') - 2 E k(x, y),  k(x, y) = C / (C + |x - y|^2),  C = D / 32

    for an image x and images y of the model, the means of p(x | z) at z ~ p(z), of D pixel values each. Averaged over
    images it is MMD^2 - E k(x, x'), so it differs from the squared maximum mean discrepancy by a constant of the data:
    lowest for the law of the images themselves, in no units, and comparable between models of the same images only.
    Unlike the discrepancy it is defined for each image by itself, so that neighbours in a data set need not be
    independent. A proper score, estimated without bias: Gneiting & Raftery 2007, section 5,
    https://doi.org/10.1198/016214506000001437. C is well below the mean squared distance of two images, so that near
    ones count most.
    """

    monitored = "kernel_score"
    higher_is_better = False

    def validate(self, model: LatentModel, x: Tensor, c: Tensor | None = None) -> Figures:
        samples = model.sample_joint(max(len(x), 2)).p.mean.flatten(1)
        kernel, bandwidth = divergences.inverse_multiquadric, samples.shape[1] / 32
        return {"kernel_score": divergences.kernel_score(x.flatten(1), samples, kernel, bandwidth)}

    def test(self, model: LatentModel, x: Tensor, c: Tensor | None = None, *, nll_samples: int) -> Figures:
        return self.validate(model, x, c)


def criterion_of(model: LatentModel) -> Criterion:
    """The criterion that a model can be held to."""
    if not model.has_encoder:
        return KernelScore()
    return PlainELBO() if model.has_elbo else Distortion()
