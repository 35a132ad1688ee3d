"""The LightningModule of an ensemble: one step for all members, everything else for each member separately."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from lightning.pytorch import LightningModule
from torch import Tensor

from vae_lab.data.batches import Batch
from vae_lab.data.classes import condition
from vae_lab.errors import UserError
from vae_lab.experimental.ensemble.checkpoints import MEMBERS
from vae_lab.experimental.ensemble.stack import Stack, contiguous_copy
from vae_lab.experimental.ensemble.step import Pair, StackedObjective
from vae_lab.optimization.wide_layers import MAX_INPUTS, wide_weights
from vae_lab.seeding import RngStream, reseed
from vae_lab.training.divergence import check_finite
from vae_lab.training.run import Run
from vae_lab.training.run_log import log_metrics


class EnsembleModule(LightningModule):
    """Trains the models of several runs on one stack of their parameters.

    Each run's own module keeps its seed, its criterion and its averages. Its parameters are views of the stack, so that
    it can be validated, drawn and saved as in separate training.

    Args:
        runs: the N members, whose configurations differ only in the seed and in numbers of the objective.

    Attributes:
        failures: the error of each member, or None.
        metrics: the metrics of each member's last validation.
        totals: the sums of the members' T terms and the number of images, of shape (T + 1, N), as in
            `vae_lab.training.running_averages.RunningAverages`; None before the first batch.
        names: the names of the terms.
        num_batches: the batches in the totals.
    """

    def __init__(self, runs: Sequence[Run]) -> None:
        super().__init__()
        self.runs = tuple(runs)
        modules = [run.module for run in runs]
        self.stack = Stack(modules)
        self.objective = StackedObjective([Pair(module.model, module.objective) for module in modules], self.stack)
        self.failures: list[Exception | None] = [None for _ in runs]
        self.metrics: list[dict[str, float]] = [{} for _ in runs]
        self.totals: Tensor | None = None  # (T + 1, N)
        self.names: tuple[str, ...] = ()
        self.num_batches = 0

    def alive(self) -> list[int]:
        """Return the numbers of the members that have not failed."""
        return [number for number, failure in enumerate(self.failures) if failure is None]

    def configure_optimizers(self) -> torch.optim.Optimizer:
        self.stack.link()  # again, since the stack was moved to its device
        if wide_weights(self.runs[0].module):
            raise UserError(
                f"launcher=ensemble: layers of more than {MAX_INPUTS:,} inputs have a learning rate of their own, "
                "which a stack has not; choose smaller images or model=conv, or leave out launcher=ensemble"
            )
        return self.runs[0].module.make_optimizer(self.stack.parameters())

    def _condition(self, batch: Batch) -> Tensor | None:
        classes = self.runs[0].module.classes
        return None if classes is None else condition(batch.labels, classes).to(batch.x)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        position = (self.global_rank, self.current_epoch, batch_idx)
        reseeds = [partial(reseed, self.device, run.module.seed, RngStream.TRAIN, *position) for run in self.runs]
        (value, terms), buffers = self.objective(batch.x, self._condition(batch), reseeds)
        self.stack.replace_buffers(buffers)
        self._count({"loss": value, **terms}, batch.x.shape[1])
        if self.num_batches >= self.trainer.log_every_n_steps:  # type: ignore[attr-defined]
            self._log_training(self.global_step + 1)
        return value.sum()

    def on_train_end(self) -> None:
        if self.num_batches and self.alive():
            self._log_training(self.global_step)

    def _count(self, terms: dict[str, Tensor], num_images: int) -> None:
        values = torch.stack([*terms.values()]).detach()  # (T, N)
        wide = values if values.device.type == "mps" else values.double()
        weighted = torch.cat([wide, wide.new_ones(1, len(self.runs))]) * num_images
        self.totals = weighted if self.totals is None else self.totals.to(weighted.device) + weighted
        self.names, self.num_batches = tuple(terms), self.num_batches + 1

    def _hand_out_averages(self) -> None:
        for number, run in enumerate(self.runs):
            totals = None if self.totals is None else self.totals[:, number].clone()
            state = {"names": self.names, "totals": totals, "num_batches": self.num_batches}
            run.module.train_averages.load_state_dict(state)

    def _log_training(self, step: int) -> None:
        self._hand_out_averages()
        self.totals, self.num_batches = None, 0
        for number in self.alive():
            run = self.runs[number]
            metrics = run.module.train_averages.pop(lambda totals: totals)
            try:
                check_finite(metrics["loss"], step, self.current_epoch)
            except Exception as error:
                self.failures[number] = error  # the others do not depend on this member, and go on
                continue
            log_metrics(run.trainer.loggers, {f"train/{name}": value for name, value in metrics.items()}, step)
        if not self.alive():
            self.trainer.should_stop = True

    def on_validation_start(self) -> None:
        self.stack.link()  # again, since the step made new buffers
        for run in self.runs:
            run.module.eval()

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        c = self._condition(batch)
        for run in self.runs:
            module = run.module
            reseed(self.device, module.seed, RngStream.VALIDATE, self.global_rank, batch_idx)
            module.validate_batch(batch.x, c)

    def on_validation_epoch_end(self) -> None:
        for number, run in enumerate(self.runs):
            metrics = run.module.evaluation_averages.pop(lambda totals: totals)
            # In float32, in which Lightning keeps the metrics of a separate run.
            self.metrics[number] = {f"val/{name}": torch.tensor(value).item() for name, value in metrics.items()}
            log_metrics(run.trainer.loggers, {**self.metrics[number], "epoch": self.current_epoch}, self.global_step)

    def on_validation_end(self) -> None:
        for run in self.runs:
            run.module.train()

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self.stack.link()
        self._hand_out_averages()
        checkpoint[MEMBERS] = [self._checkpoint_of(number, checkpoint) for number in range(len(self.runs))]

    def _checkpoint_of(self, number: int, checkpoint: dict[str, Any]) -> dict[str, Any]:
        run = self.runs[number]
        weights = {name: contiguous_copy(value) for name, value in run.module.state_dict().items()}
        own = {**checkpoint, "state_dict": weights}
        if "optimizer_states" in checkpoint:
            (state,) = checkpoint["optimizer_states"]
            own["optimizer_states"] = [self.stack.split_optimizer(state, number)]
            own["callbacks"] = {**checkpoint["callbacks"], run.checkpoints.state_key: run.checkpoints.state_dict()}
        run.module.on_save_checkpoint(own)
        return own

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        members = checkpoint[MEMBERS]
        for run, member in zip(self.runs, members, strict=True):
            run.module.load_state_dict(member["state_dict"])  # into the stack, since its tensors are views of it
            run.module.on_load_checkpoint(member)
            run.checkpoints.load_state_dict(member["callbacks"][run.checkpoints.state_key])
            run.checkpoints.ensemble_size = len(self.runs)
        averages = [run.module.train_averages for run in self.runs]
        self.names, self.num_batches = averages[0].names, averages[0].num_batches
        totals = [each.totals for each in averages if each.totals is not None]
        self.totals = torch.stack(totals, 1) if totals else None
        own = self.runs[0].checkpoints.state_key
        checkpoint["callbacks"] = {name: state for name, state in checkpoint["callbacks"].items() if name != own}
        checkpoint["state_dict"] = self.state_dict()
        checkpoint["optimizer_states"] = [
            self.stack.join_optimizers([member["optimizer_states"][0] for member in members])
        ]
