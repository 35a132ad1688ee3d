"""The marginal likelihood while training goes on."""

from typing import Any, cast

from lightning.pytorch import Callback, LightningModule, Trainer

from vae_lab.configuration.options import AtLeastTwo, PositiveInt
from vae_lab.data.module import ImageData
from vae_lab.errors import UserError
from vae_lab.evaluation.context import SplitName, model_inputs
from vae_lab.evaluation.measure import Images
from vae_lab.evaluation.measures.marginal_likelihood import Chains, unavailable_reason
from vae_lab.objectives.monte_carlo_em import evaluation_mode
from vae_lab.training.module import TrainingModule

# Of all steps, the share after which the first of the points lies.
FIRST = 0.01


class MarginalLikelihood(Callback):
    """Logs log p(x) of some training and validation images at a few points of training.

    `train/log_px` and `val/log_px` are from posterior samples, `..._importance` from importance sampling: see
    `vae_lab.evaluation.measures.MarginalLikelihood`. The points lie evenly in the logarithm of the steps,
    from a hundredth of training to its end.

    Args:
        num_points: points of training.
        num_images: images of each split, the same ones at all points.
        num_samples: latent samples for each image, more than there are latent units.
        num_leapfrog: leapfrog steps of a transition.
        num_transitions: transitions of a chain before each of its two samples.
    """

    def __init__(
        self,
        num_points: AtLeastTwo = 10,
        num_images: PositiveInt = 100,
        num_samples: AtLeastTwo = 50,
        num_leapfrog: PositiveInt = 4,
        num_transitions: PositiveInt = 10,
    ) -> None:
        self.num_points = num_points
        self.num_images = num_images
        self.chains = Chains(num_samples, num_leapfrog, num_transitions)
        self.images: dict[SplitName, Images] = {}
        self.points: set[int] = set()

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        module = cast(TrainingModule, pl_module)
        data = cast(ImageData, trainer.datamodule)  # type: ignore[attr-defined]
        like = next(module.parameters())
        splits: tuple[SplitName, ...] = ("train", "val")
        self.images = {
            name: model_inputs(data, name, module.num_classes, like).some(self.num_images) for name in splits
        }
        self.points = points(int(trainer.estimated_stepping_batches), self.num_points)
        reason = unavailable_reason(module.model, self.images["val"], self.chains.num_samples)
        if reason is not None:
            raise UserError(f"callbacks: the marginal likelihood is not to be had by posterior samples: {reason}")

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        step = trainer.global_step
        if not trainer.is_global_zero or not trainer.loggers or step not in self.points:
            return
        self.points.remove(step)  # several batches may make one step
        module = cast(TrainingModule, pl_module)
        for split, images in self.images.items():
            # The same noise at every point: what changes between them is the model.
            with evaluation_mode(module.model, module.device):
                found = self.chains.log_likelihoods(module.model, images, module.seed, lambda _: None)
            for logger in trainer.loggers:
                logger.log_metrics(
                    {
                        f"{split}/log_px": found.from_posterior.mean().item(),
                        f"{split}/log_px_importance": found.importance.mean().item(),
                        f"{split}/log_px_acceptance": found.acceptance.mean().item(),
                    },
                    step,
                )


def points(num_steps: int, num_points: int) -> set[int]:
    """Steps of training, evenly in their logarithm, with the last.

    >>> sorted(points(1000, 3)), sorted(points(3, 3))
    ([10, 100, 1000], [1, 3])
    """
    exponents = (place / (num_points - 1) for place in range(num_points))
    return {max(1, round(num_steps * FIRST ** (1 - exponent))) for exponent in exponents}
