"""The LightningModule: it runs steps, logs metrics and makes the optimizer; model and objective do the maths."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from lightning.pytorch import LightningModule
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR

from vae_lab.data.batches import Batch
from vae_lab.data.classes import condition
from vae_lab.errors import UserError
from vae_lab.evaluation.criterion import criterion_of
from vae_lab.models.latent_model import LatentModel
from vae_lab.objectives.objective import Loss, Objective
from vae_lab.optimization.lr_schedules import Schedule
from vae_lab.optimization.wide_layers import MAX_INPUTS, slow_down, wide_weights
from vae_lab.seeding import RngStream, reseed
from vae_lab.training.divergence import check_finite
from vae_lab.training.epoch_choice import Choice, epoch_choice, validation_metrics
from vae_lab.training.run_log import log_metrics
from vae_lab.training.running_averages import RunningAverages
from vae_lab.training.standard_errors import with_squares, without_squares


class TrainingModule(LightningModule):
    """Trains a model on an objective; validates and tests it by the model's own criterion, for any objective.

    Args:
        model: the model.
        objective: what is optimised.
        make_optimizer: builds the optimizer of the given parameters.
        schedule: how its learning rate changes, or None.
        image_shape: channels, height, width; saved in checkpoints, so that they load without the data.
        classes: the labels of the classes that the images are conditioned on, or None.
        seed: the run's seed, from which all random numbers are derived.
        choose_epoch_by: how the epochs are compared.
        nll_samples: K, latent samples for each image, of `test/nll`.
        compiled: whether the objective runs through `torch.compile`.

    Attributes:
        settings: the fingerprint of the settings that decide the results, saved in checkpoints.
        criterion: measures the model in validation and testing.
        choice: how the epochs are compared.
        train_averages: the training metrics since they were last logged.
        evaluation_averages: the metrics of the current validation or test.
        test_variances: of the test metrics over images, by name; empty before the test.
    """

    def __init__(
        self,
        model: LatentModel,
        objective: Objective,
        make_optimizer: Callable[[Iterable[nn.Parameter]], torch.optim.Optimizer],
        *,
        schedule: Schedule | None,
        image_shape: tuple[int, ...],
        classes: tuple[int, ...] | None,
        seed: int,
        choose_epoch_by: Choice,
        nll_samples: int,
        compiled: bool,
    ) -> None:
        super().__init__()
        self.model = model
        self.objective = objective
        self.make_optimizer = make_optimizer
        self.schedule = schedule
        self.image_shape = image_shape
        self.classes = classes
        self.seed = seed
        self.nll_samples = nll_samples
        self.settings = ""
        # The function is compiled, not the module, because a compiled module renames its parameters.
        self._loss: Callable[..., Loss] = (
            torch.compile(self._eager_loss, fullgraph=True) if compiled else (self._eager_loss)
        )
        self.criterion = criterion_of(model)
        self.choice = epoch_choice(choose_epoch_by, self.criterion, objective)
        self.train_averages = RunningAverages()
        self.evaluation_averages = RunningAverages()
        self.test_variances: dict[str, float] = {}

    def _eager_loss(self, x: Tensor, c: Tensor | None) -> Loss:
        loss: Loss = self.objective(self.model, x, c)
        return loss

    def _condition(self, batch: Batch) -> Tensor | None:
        return None if self.classes is None else condition(batch.labels, self.classes).to(batch.x)

    def configure_optimizers(self) -> OptimizerLRScheduler:
        factors = wide_weights(self)
        optimizer = self.make_optimizer(weight for name, weight in self.named_parameters() if name not in factors)
        slow_down(optimizer, [self.get_parameter(name) for name in factors], [*factors.values()])
        schedule = self.schedule
        self.learning_rates = [group.get("lr") for group in optimizer.param_groups]
        if schedule is None:
            return optimizer
        num_steps = int(self.trainer.estimated_stepping_batches)
        scheduler = LambdaLR(optimizer, lambda step: schedule.factor(step, num_steps))
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}

    def on_train_start(self) -> None:
        # A checkpoint restores the learning rate, which is smaller in a run that is resumed after it diverged.
        for optimizer in self.trainer.optimizers:
            for group, lr in zip(optimizer.param_groups, self.learning_rates, strict=True):
                factor = 1 if lr is None else lr / group.get("initial_lr", group["lr"])
                if factor != 1:
                    group.update({key: group[key] * factor for key in ("lr", "initial_lr") if key in group})
        for config in self.trainer.lr_scheduler_configs:
            config.scheduler.base_lrs = [group["initial_lr"] for group in config.scheduler.optimizer.param_groups]

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        reseed(self.device, self.seed, RngStream.TRAIN, self.global_rank, self.current_epoch, batch_idx)
        loss = self._loss(batch.x, self._condition(batch))
        self.train_averages.add({"loss": loss.value, **loss.terms}, len(batch.x))
        if self.train_averages.num_batches >= self.trainer.log_every_n_steps:  # type: ignore[attr-defined]
            self._log_training(self.global_step + 1)
        return loss.value

    def on_train_end(self) -> None:
        if self.train_averages.num_batches:
            self._log_training(self.global_step)

    def _log_training(self, step: int) -> None:
        metrics = self.train_averages.pop(self._sum_over_processes)
        check_finite(metrics["loss"], step, self.current_epoch)
        log_metrics(self.loggers, {f"train/{name}": value for name, value in metrics.items()}, step)

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        # The random numbers are the same at every validation, so that only the model changes between them.
        reseed(self.device, self.seed, RngStream.VALIDATE, self.global_rank, batch_idx)
        self.validate_batch(batch.x, self._condition(batch))

    def validate_batch(self, x: Tensor, c: Tensor | None) -> None:
        """Add the metrics of a validation batch to the averages.

        Args:
            x: images, of shape (B, C, H, W).
            c: what they are conditioned on, of shape (B, classes), or None.
        """
        metrics = validation_metrics(
            self.choice, self.criterion, self.model, self.objective, x, c, nll_samples=self.nll_samples
        )
        self.evaluation_averages.add(metrics, len(x))

    def on_validation_epoch_end(self) -> None:
        self._log_evaluation("val", self.evaluation_averages.pop(self._sum_over_processes))

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        reseed(self.device, self.seed, RngStream.TEST, self.global_rank, batch_idx)
        c = self._condition(batch)
        metrics = self.criterion.test(self.model, batch.x, c, nll_samples=self.nll_samples)
        self.evaluation_averages.add(with_squares(metrics), len(batch.x))

    def on_test_epoch_end(self) -> None:
        metrics, self.test_variances = without_squares(self.evaluation_averages.pop(self._sum_over_processes))
        self._log_evaluation("test", metrics)

    def _log_evaluation(self, split: str, averages: dict[str, float]) -> None:
        metrics = {f"{split}/{name}": value for name, value in averages.items()}
        # For callbacks. They are already averages over all processes; without sync_dist Lightning would warn.
        monitored = f"{split}/{self.criterion.monitored}"
        self.log(monitored, metrics[monitored], prog_bar=True, logger=False, sync_dist=True)
        others = {name: value for name, value in metrics.items() if name != monitored}
        self.log_dict(others, logger=False, sync_dist=True)
        if split == "val" and not self.trainer.sanity_checking:  # the test's metrics are logged with the results
            log_metrics(self.loggers, {**metrics, "epoch": self.current_epoch}, self.global_step)

    def _sum_over_processes(self, totals: Tensor) -> Tensor:
        reduced = self.trainer.strategy.reduce(totals, reduce_op="sum")
        assert isinstance(reduced, Tensor)
        return reduced

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["train_averages"] = self.train_averages.state_dict()
        checkpoint["image_shape"] = list(self.image_shape)
        checkpoint["num_classes"] = None if self.classes is None else len(self.classes)
        checkpoint["classes"] = None if self.classes is None else list(self.classes)
        checkpoint["settings"] = self.settings

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        for state in checkpoint.get("optimizer_states", []):
            if len(state["param_groups"]) != 1 + len(wide_weights(self)):
                raise UserError(
                    f"this run was trained before layers of more than {MAX_INPUTS:,} inputs had a learning rate of "
                    "their own, so it cannot be resumed; train it anew"
                )
        self.train_averages.load_state_dict(checkpoint["train_averages"])
