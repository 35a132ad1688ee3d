"""A mixture of normal distributions of the pixels, fitted to the same images: a baseline for latent-variable models."""

from collections.abc import Mapping

import torch
from hydra.utils import get_object

from vae_lab.configuration.options import PositiveInt, Size
from vae_lab.evaluation.measure import Estimate, EvaluationContext, Measure, code_length, not_held_out, over_images


class GaussianMixture(Measure):
    """-log p(x) under sum_k pi_k N(x; m_k, S_k), with full covariances, fitted by expectation maximisation.

    The value is exact, and of the images as the likelihood sees them, so it can be compared with the NLL of the run.
    1e-4 is added to the diagonal of each covariance (a standard deviation of 2.5 levels of 8-bit pixels), so that
    constant pixels do not make it singular. Bishop 2006, section 9.2.2.

    Args:
        num_components: the number of normal distributions.
        num_training: training images that the mixture is fitted to, at most.
    """

    def __init__(self, num_components: Size = 10, num_training: PositiveInt = 10_000) -> None:
        self.num_components = num_components
        self.num_training = num_training

    def unavailable_reason(self, context: EvaluationContext) -> str | None:
        if get_object(context.config.likelihood["_target_"]).support not in ("real", "unit_interval"):
            return "the run's likelihood is a probability of levels, and a mixture of normal distributions is a density"
        return not_held_out(context)

    def __call__(self, context: EvaluationContext) -> Mapping[str, Estimate]:
        from sklearn.mixture import GaussianMixture as Mixture

        training, images = (
            part.x.flatten(1).double().cpu().numpy()
            for part in (context.training.some(self.num_training), context.images)
        )
        mixture = Mixture(self.num_components, reg_covar=1e-4, random_state=context.seed % 2**32).fit(training)
        nll = over_images(
            -torch.from_numpy(mixture.score_samples(images)),
            f"exact, of {self.num_components} normal distributions fitted to {len(training):,} training images",
        )
        return {"nll": nll, **code_length(context, nll)}
