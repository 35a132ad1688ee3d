"""Log the marginal likelihood during training."""

from typing import Any, cast

from lightning.pytorch import Callback, LightningModule, Trainer

from vae_lab.configuration.options import AtLeastTwo, PositiveInt, Size
from vae_lab.data.module import ImageData
from vae_lab.errors import UserError
from vae_lab.evaluation.context import SplitName, model_inputs
from vae_lab.evaluation.measure import Images
from vae_lab.evaluation.measures.marginal_likelihood import Chains, unavailable_reason
from vae_lab.objectives.monte_carlo_em import evaluation_mode
from vae_lab.training.module import TrainingModule
from vae_lab.training.run_log import log_metrics

# The share of all steps after which the first point is logged.
FIRST = 0.01


class TrackMarginalLikelihood(Callback):
    """Logs log p(x) of some training and validation images at a few points of training.

    `train/log_px` and `val/log_px` are estimated from posterior samples, `..._importance` by importance sampling: see
    `vae_lab.evaluation.MarginalLikelihood`. The points are spaced evenly in the logarithm of the steps, from 1% of
    training to its end.

    Args:
        num_points: the number of points.
        num_images: the number of images of each split, the same ones at all points.
        num_samples: latent samples for each image, more than there are latent units.
        num_leapfrog: leapfrog steps of a transition.
        num_transitions: transitions of a chain before each of its two samples.
    """

    def __init__(
        self,
        num_points: AtLeastTwo = 10,
        num_images: PositiveInt = 100,
        num_samples: AtLeastTwo = 50,
        num_leapfrog: Size = 4,
        num_transitions: Size = 10,
    ) -> None:
        self.num_points = num_points
        self.num_images = num_images
        self.chains = Chains(num_samples, num_leapfrog, num_transitions)
        self.images: dict[SplitName, Images] = {}
        self.points: set[int] = set()

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        module = cast(TrainingModule, pl_module)
        data = cast(ImageData, trainer.datamodule)  # type: ignore[attr-defined]
        parameter = next(module.parameters())
        splits: tuple[SplitName, ...] = ("train", "val")
        self.images = {name: model_inputs(data, name, module.classes, parameter, self.num_images) for name in splits}
        self.points = log_spaced_steps(int(trainer.estimated_stepping_batches), self.num_points)
        reason = unavailable_reason(module.model, self.images["val"], self.chains.num_samples)
        if reason is not None:
            raise UserError(
                f"callbacks: cannot estimate the marginal likelihood from posterior samples: {reason}; "
                "leave out the callback"
            )

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        step = trainer.global_step
        if not trainer.is_global_zero or not trainer.loggers or step not in self.points:
            return
        self.points.remove(step)  # with accumulated gradients, several batches have the same step
        module = cast(TrainingModule, pl_module)
        for split, images in self.images.items():
            # The random numbers are the same at every point, so that only the model changes between them.
            with evaluation_mode(module.model, module.device):
                found = self.chains.log_likelihoods(module.model, images, module.seed, lambda _: None)
            metrics = {
                f"{split}/log_px": found.from_posterior.mean().item(),
                f"{split}/log_px_importance": found.importance.mean().item(),
                f"{split}/log_px_acceptance": found.acceptance.mean().item(),
            }
            log_metrics(trainer.loggers, metrics, step)


def log_spaced_steps(num_steps: int, num_points: int) -> set[int]:
    """Return steps of training, spaced evenly in their logarithm, including the last.

    >>> sorted(log_spaced_steps(1000, 3)), sorted(log_spaced_steps(3, 3))
    ([10, 100, 1000], [1, 3])
    """
    exponents = (place / (num_points - 1) for place in range(num_points))
    return {max(1, round(num_steps * FIRST ** (1 - exponent))) for exponent in exponents}
