"""Measure how well the units of a code match the factors that the images were made from."""

from collections.abc import Mapping

from vae_lab.configuration.options import PositiveInt
from vae_lab.evaluation.codes import codes_of
from vae_lab.evaluation.measure import Estimate, EvaluationContext, Measure, no_encoder, not_held_out
from vae_lab.evaluation.scores.disentanglement import NUM_BINS, NUM_TREES, dci, mutual_information_gap, sap


class Disentanglement(Measure):
    """MIG, DCI and SAP of the codes, the means (or modes) of q(z | x).

    The formulas are in `vae_lab.evaluation.scores.disentanglement`.

    Args:
        num_training: training images that forests and thresholds are fitted to, at most.
    """

    def __init__(self, num_training: PositiveInt = 10_000) -> None:
        self.num_training = num_training

    def unavailable_reason(self, context: EvaluationContext) -> str | None:
        if (reason := no_encoder(context) or not_held_out(context)) is not None:
            return reason
        if context.images.factors is None or context.training.factors is None:
            return "the images of this data set have no known factors; train with data=sprites"
        if any(len(factor.unique()) < 2 for factor in context.images.factors.T):
            return "one of the factors has the same value in all of these images; choose more images"
        return None

    def __call__(self, context: EvaluationContext) -> Mapping[str, Estimate]:
        training, images = context.training.some(self.num_training), context.images
        assert training.factors is not None
        assert images.factors is not None
        train_codes, train_factors = codes_of(context, training), training.factors.cpu().numpy()
        image_codes, factors = codes_of(context, images), images.factors.cpu().numpy()
        num = len(image_codes)
        forests = f"{NUM_TREES} trees for each factor, fitted to {len(train_codes):,} training codes"
        scores = dci(train_codes, train_factors, image_codes, factors, context.seed % 2**32)
        return {
            "mig": Estimate(
                mutual_information_gap(image_codes, factors),
                f"mutual information gap, {NUM_BINS} bins for each unit, in shares of each factor's entropy",
                num,
            ),
            "dci_disentanglement": Estimate(scores.disentanglement, f"DCI, importances of {forests}", len(train_codes)),
            "dci_completeness": Estimate(scores.completeness, f"DCI, importances of {forests}", len(train_codes)),
            "dci_informativeness": Estimate(
                scores.informativeness, f"DCI, balanced accuracy adjusted for chance of {forests}", num
            ),
            "sap": Estimate(
                sap(train_codes, train_factors, image_codes, factors),
                "separated attribute predictability, balanced accuracy adjusted for chance of thresholds on one unit, "
                f"fitted to {len(train_codes):,} training codes",
                num,
            ),
        }
