"""Keep two checkpoints of a run: its best epoch, and its last state."""

from typing import Any, cast

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint

from vae_lab.runs.folder import RunFolder
from vae_lab.training.divergence import check_finite_state
from vae_lab.training.interruption import Agreement
from vae_lab.training.module import TrainingModule
from vae_lab.training.run_log import flush


class BestAndLast(Checkpoint):
    """Keeps two checkpoints: the model of the chosen epoch (see `EpochChoice`), and the last state, to resume from.

    `last.ckpt` is written between two steps only, when the state is consistent: at the end of every epoch, every
    `every_n_steps` steps, and after a signal. A process that is killed loses the steps since the last save.

    Args:
        folder: the run's folder.
        every_n_steps: optimisation steps between two saves inside an epoch.

    Attributes:
        best_path: the weights of the chosen epoch; while a finished run is trained further, a file of their own.
        last_value: the value of the model's own metric (the ELBO, if it has one) in the last epoch.
        best_value: the value by which the epoch was chosen, or None; of the last epoch, the model's own metric.
        best_epoch: the number of the chosen epoch.
        best_metrics: all its validation metrics.
        ensemble_size: the number of runs that were trained at once.
        has_begun: whether the training has begun, so that the last state has been restored.
    """

    def __init__(self, folder: RunFolder, every_n_steps: int) -> None:
        self.best_path = folder.next_best_checkpoint if folder.metrics.is_file() else folder.best_checkpoint
        self.last_path = folder.last_checkpoint
        self.every_n_steps = every_n_steps
        self.last_value: float | None = None
        self.best_value: float | None = None
        self.best_epoch = -1
        self.best_metrics: dict[str, float] = {}
        self.ensemble_size = 1
        self.has_begun = False

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.agreement = Agreement(several=trainer.world_size > 1)
        self.has_begun = True

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.sanity_checking:
            return
        metrics = {name: value.item() for name, value in trainer.callback_metrics.items() if name.startswith("val/")}
        if self.update_best(cast(TrainingModule, pl_module), metrics, trainer.current_epoch):
            trainer.save_checkpoint(self.best_path, weights_only=True)

    def update_best(self, module: TrainingModule, metrics: dict[str, float], epoch: int) -> bool:
        """Record the metrics of an epoch if it is chosen before those so far, and return whether it is.

        Args:
            module: how epochs are compared.
            metrics: the validation metrics of the epoch, by name.
            epoch: its number.
        """
        self.last_value = metrics[f"val/{module.criterion.monitored}"]
        choice = module.choice
        value = self.last_value if choice.metric is None else metrics[f"val/{choice.metric}"]
        if not choice.improves(value, self.best_value):
            return False
        self.best_value, self.best_epoch, self.best_metrics = value, epoch, metrics
        return True

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        ends = self.agreement.ends_after(trainer, batch_idx)
        if ends or self.is_due(batch_idx, trainer.num_training_batches):
            self.save_last(trainer, pl_module)
        if ends:
            self.agreement.end_if_told()

    def is_due(self, batch: int, num_batches: float) -> bool:
        """Return whether to save inside an epoch after a batch, counted from 0."""
        return batch + 1 < num_batches and (batch + 1) % self.every_n_steps == 0

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.save_last(trainer, pl_module)
        self.agreement.end_if_told()

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.agreement.end_after_training()

    def save_last(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the last state.

        Raises:
            DivergenceError: if it is not finite; the last good state stays.
        """
        check_finite_state(pl_module, trainer)
        flush(trainer.loggers)
        trainer.save_checkpoint(self.last_path)

    def state_dict(self) -> dict[str, Any]:
        return {
            "last_value": self.last_value,
            "best_value": self.best_value,
            "best_epoch": self.best_epoch,
            "best_figures": self.best_metrics,  # the key of existing checkpoints
            "ensemble_size": self.ensemble_size,
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.last_value = state_dict.get("last_value")  # this and the size are not in older checkpoints
        self.best_value = state_dict["best_value"]
        self.best_epoch = state_dict["best_epoch"]
        self.best_metrics = state_dict["best_figures"]
        self.ensemble_size = state_dict.get("ensemble_size", 1)
