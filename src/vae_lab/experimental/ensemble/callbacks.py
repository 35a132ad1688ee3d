"""Save and draw the members of an ensemble at the same steps as in separate training."""

from collections.abc import Sequence
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint

from vae_lab.experimental.ensemble.module import EnsembleModule
from vae_lab.training.divergence import all_finite, weights_diverged
from vae_lab.training.figures import Figures
from vae_lab.training.interruption import Agreement
from vae_lab.training.run import Run
from vae_lab.training.run_log import flush


class EnsembleCheckpoints(Checkpoint):
    """Keeps each member's best epoch and last state; see `vae_lab.training.checkpoints.BestAndLast`.

    Args:
        runs: the members.
        figures: draws their pictures, or None.
    """

    def __init__(self, runs: Sequence[Run], figures: Figures | None) -> None:
        self.runs = runs
        self.figures = figures
        self.files = runs[0].checkpoints  # those of the others differ only in their folders
        self.agreement = Agreement(several=False)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.files.has_begun = True

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        assert isinstance(pl_module, EnsembleModule)
        if trainer.sanity_checking:
            return
        improved = [
            number
            for number in pl_module.alive()
            if self.runs[number].checkpoints.update_best(
                self.runs[number].module, pl_module.metrics[number], trainer.current_epoch
            )
        ]
        if improved:
            trainer.save_checkpoint(self.files.best_path, weights_only=True, storage_options=improved)
        if self.figures is not None and self.figures.is_due(trainer.current_epoch):
            for run in self.runs:
                self.figures.show(run.trainer.loggers, self.figures.draw(run.module, run.data), trainer.global_step)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        ends = self.agreement.ends_after(trainer, batch_idx)
        if ends or self.files.is_due(batch_idx, trainer.num_training_batches):
            self._save(trainer, pl_module)
        if ends:
            self.agreement.end_if_told()

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._save(trainer, pl_module)
        self.agreement.end_if_told()

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.agreement.end_after_training()

    def _save(self, trainer: Trainer, pl_module: LightningModule) -> None:
        assert isinstance(pl_module, EnsembleModule)
        for number in pl_module.alive():
            if not all_finite(self.runs[number].module.parameters()):  # the others do not depend on this member
                pl_module.failures[number] = weights_diverged(trainer.global_step, trainer.current_epoch)
        if pl_module.alive():
            for run in self.runs:
                flush(run.trainer.loggers)
            trainer.save_checkpoint(self.files.last_path, storage_options=pl_module.alive())
        else:
            trainer.should_stop = True
