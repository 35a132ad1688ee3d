"""A trial of a search, seen from within its own run."""

from typing import cast

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from lightning.pytorch import Callback, LightningModule, Trainer
from omegaconf import DictConfig

from vae_lab.errors import UserError
from vae_lab.sweeps.job import Pruned
from vae_lab.sweeps.search.settings import is_search, metrics_of, prunes


class Pruning(Callback):
    """Reports a figure of every epoch to the study of a search, and ends a trial that the study's pruner gives up.

    An epoch is reported before its state is saved: where a trial is interrupted, no epoch is left out.

    Args:
        sweeper: the settings of the search.
        number: the number of the trial.
    """

    def __init__(self, sweeper: DictConfig, number: int) -> None:
        self.sweeper = sweeper
        self.number = number
        (self.metric,) = metrics_of(sweeper)

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        # Not for runs that are no trial.
        from vae_lab.sweeps.search.study import open_study, trial_in

        if trainer.world_size > 1:
            raise UserError(
                f"trainer.devices={trainer.num_devices}: hopeless trials are found out on one device; "
                "add hydra.sweeper.pruner=null to train all to their end"
            )
        self.trial, self.reported = trial_in(open_study(self.sweeper), self.number)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.sanity_checking or self.metric not in trainer.callback_metrics:
            return
        epoch, value = trainer.current_epoch, trainer.callback_metrics[self.metric].item()
        if epoch not in self.reported:  # before an interruption
            self.trial.report(value, epoch)
        last = epoch + 1 == cast(int, trainer.max_epochs)  # which has cost all that there was to save
        if not last and self.trial.should_prune():
            raise Pruned(f"{self.metric}={value:.6g} in epoch {epoch}, no match for the other trials")


def pruning() -> list[Callback]:
    """What a job needs to be stopped where it is hopeless: nothing, unless it is a trial of a search that does so."""
    hydra = HydraConfig.get()
    if hydra.mode is not RunMode.MULTIRUN or not is_search(hydra) or not prunes(hydra.sweeper):
        return []
    return [Pruning(hydra.sweeper, hydra.job.num)]
