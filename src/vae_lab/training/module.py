"""The LightningModule: it steps, logs and makes the optimizer; the maths is in the model and the objective."""

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from lightning.pytorch import LightningModule
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn
from torch.nn.functional import one_hot
from torch.optim.lr_scheduler import LambdaLR

from vae_lab.data.batches import Batch
from vae_lab.errors import UserError
from vae_lab.evaluation.criterion import criterion_of
from vae_lab.models.latent_model import LatentModel
from vae_lab.objectives.objective import Loss, Objective
from vae_lab.optimization.lr_schedules import Schedule
from vae_lab.seeding import RngStream, reseed
from vae_lab.training.averages import RunningAverages


class TrainingModule(LightningModule):
    """Trains a model on an objective; validates and tests it by the model's own criterion, whatever the objective.

    Args:
        model: what is trained.
        objective: what is optimised.
        make_optimizer: builds the optimizer of the given parameters.
        schedule: how its learning rate changes, or None.
        image_shape: channels, height, width; a checkpoint carries it, to be loaded without the data.
        num_classes: the classes that the images are conditioned on, or None.
        seed: the run's seed, from which all noise is derived.
        nll_samples: latent samples K for each image behind `test/nll`.
        compiled: whether the objective runs through `torch.compile`.
    """

    def __init__(
        self,
        model: LatentModel,
        objective: Objective,
        make_optimizer: Callable[[Iterable[nn.Parameter]], torch.optim.Optimizer],
        *,
        schedule: Schedule | None,
        image_shape: tuple[int, ...],
        num_classes: int | None,
        seed: int,
        nll_samples: int,
        compiled: bool,
    ) -> None:
        super().__init__()
        self.model = model
        self.objective = objective
        self.make_optimizer = make_optimizer
        self.schedule = schedule
        self.image_shape = image_shape
        self.num_classes = num_classes
        self.seed = seed
        self.nll_samples = nll_samples
        # A compiled function beside the modules, not a compiled module among them: that would rename the parameters.
        self._loss: Callable[..., Loss] = (
            torch.compile(self._eager_loss, fullgraph=True) if compiled else (self._eager_loss)
        )
        self.criterion = criterion_of(model)
        self.train_averages = RunningAverages()
        self.evaluation_averages = RunningAverages()

    def _eager_loss(self, x: Tensor, c: Tensor | None) -> Loss:
        loss: Loss = self.objective(self.model, x, c)
        return loss

    def _condition(self, batch: Batch) -> Tensor | None:
        return None if self.num_classes is None else one_hot(batch.labels, self.num_classes).to(batch.x)

    def configure_optimizers(self) -> OptimizerLRScheduler:
        optimizer, schedule = self.make_optimizer(self.parameters()), self.schedule
        if schedule is None:
            return optimizer
        num_steps = int(self.trainer.estimated_stepping_batches)
        scheduler = LambdaLR(optimizer, lambda step: schedule.factor(step, num_steps))
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        reseed(self.device, self.seed, RngStream.TRAIN, self.global_rank, self.current_epoch, batch_idx)
        loss = self._loss(batch.x, self._condition(batch))
        self.train_averages.add({"loss": loss.value, **loss.terms}, len(batch.x))
        if self.train_averages.num_batches >= self.trainer.log_every_n_steps:  # type: ignore[attr-defined]
            self._log_training()
        return loss.value

    def _log_training(self) -> None:
        figures = self.train_averages.pop(self._sum_over_processes)
        check_finite(figures["loss"], self.global_step + 1, self.current_epoch)
        for logger in self.loggers:
            logger.log_metrics({f"train/{name}": value for name, value in figures.items()}, self.global_step + 1)

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        # The same noise at every validation: what changes between them is the model.
        reseed(self.device, self.seed, RngStream.VALIDATE, self.global_rank, batch_idx)
        figures = self.criterion.validate(self.model, batch.x, self._condition(batch))
        self.evaluation_averages.add(figures, len(batch.x))

    def on_validation_epoch_end(self) -> None:
        self._log_evaluation("val")

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        reseed(self.device, self.seed, RngStream.TEST, self.global_rank, batch_idx)
        c = self._condition(batch)
        figures = self.criterion.test(self.model, batch.x, c, nll_samples=self.nll_samples)
        self.evaluation_averages.add(figures, len(batch.x))

    def on_test_epoch_end(self) -> None:
        self._log_evaluation("test")

    def _log_evaluation(self, split: str) -> None:
        figures = self.evaluation_averages.pop(self._sum_over_processes)
        # The figures are those of all processes already; sync_dist only tells Lightning so.
        monitored = self.criterion.monitored
        self.log(f"{split}/{monitored}", figures.pop(monitored), prog_bar=True, sync_dist=True)
        self.log_dict({f"{split}/{name}": value for name, value in figures.items()}, sync_dist=True)

    def _sum_over_processes(self, totals: Tensor) -> Tensor:
        reduced = self.trainer.strategy.reduce(totals, reduce_op="sum")
        assert isinstance(reduced, Tensor)
        return reduced

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["train_averages"] = self.train_averages.state_dict()
        checkpoint["image_shape"] = list(self.image_shape)
        checkpoint["num_classes"] = self.num_classes

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self.train_averages.load_state_dict(checkpoint["train_averages"])


def check_finite(loss: float, step: int, epoch: int) -> None:
    """Refuse to go on with a loss that is no number any more.

    Raises:
        UserError: where training diverged.
    """
    if not math.isfinite(loss):
        raise UserError(
            f"training diverged: the loss is {loss} around step {step} (epoch {epoch}); "
            "try a smaller optimizer.lr, or trainer.gradient_clip_val=100"
        )
