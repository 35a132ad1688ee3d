"""Report the epochs of a trial to its search, and stop it early."""

from typing import cast

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from lightning.pytorch import Callback, LightningModule, Trainer
from omegaconf import DictConfig

from vae_lab.errors import UserError
from vae_lab.sweeps.job import Pruned
from vae_lab.sweeps.search.settings import has_pruning, is_search, metrics_of


class Pruning(Callback):
    """Reports a metric of every epoch to the study of a search, and ends the trial if the study's pruner says so.

    An epoch is reported before its state is saved, so an interruption cannot lose the report of an epoch.

    Args:
        sweeper: the settings of the search.
        number: the number of the trial.
    """

    def __init__(self, sweeper: DictConfig, number: int) -> None:
        self.sweeper = sweeper
        self.number = number
        (self.metric,) = metrics_of(sweeper)

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        # Imported here, since only trials need optuna.
        from vae_lab.sweeps.search.study import open_study, running_trial

        if trainer.world_size > 1:
            raise UserError(
                f"trainer.devices={trainer.num_devices}: trials can be pruned on one device only; "
                "add hydra.sweeper.pruner=null to train all trials to their end"
            )
        self.trial, self.reported = running_trial(open_study(self.sweeper), self.number)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.sanity_checking or self.metric not in trainer.callback_metrics:
            return
        epoch, value = trainer.current_epoch, trainer.callback_metrics[self.metric].item()
        if epoch not in self.reported:  # it may have been reported before an interruption
            self.trial.report(value, epoch)
        last = epoch + 1 == cast(int, trainer.max_epochs)  # pruning after the last epoch would save nothing
        if not last and self.trial.should_prune():
            raise Pruned(f"{self.metric}={value:.6g} in epoch {epoch + 1}, worse than the other trials")


def pruning_callbacks() -> list[Callback]:
    """Return the callback that prunes this job, in a list; empty unless it is a trial of a search with a pruner."""
    hydra = HydraConfig.get()
    if hydra.mode is not RunMode.MULTIRUN or not is_search(hydra) or not has_pruning(hydra.sweeper):
        return []
    return [Pruning(hydra.sweeper, hydra.job.num)]
