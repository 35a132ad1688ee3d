"""The batches of an ensemble: those of all members, stacked."""

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from lightning.pytorch import LightningDataModule

from vae_lab.data.batches import Batch, EvaluationBatches, TrainBatches
from vae_lab.data.module import ImageData


class StackedBatches:
    """The training batches of several seeds: x of shape (N, B, C, H, W), labels of shape (N, B).

    Args:
        members: the batches of each member, over the same images.
    """

    def __init__(self, members: Sequence[TrainBatches]) -> None:
        self.members = members

    def __len__(self) -> int:
        return len(self.members[0])

    def __iter__(self) -> Iterator[Batch]:
        for batches in zip(*self.members, strict=True):
            yield Batch(*(torch.stack(parts) for parts in zip(*batches, strict=True)))

    def state_dict(self) -> dict[str, Any]:
        """Return the state for a checkpoint, the position in the epoch, which all members share."""
        return self.members[0].state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore the position in the epoch, for all members."""
        for member in self.members:
            member.load_state_dict(state)


class EnsembleData(LightningDataModule):
    """One data set for all members; validation images are the same for all seeds.

    Args:
        data: the data set.
        seeds: the seed of each member.
    """

    def __init__(self, data: ImageData, seeds: Sequence[int]) -> None:
        super().__init__()
        self.data = data
        self.seeds = tuple(seeds)

    def setup(self, stage: str) -> None:
        self.data.trainer = self.trainer

    def train_dataloader(self) -> StackedBatches:
        batches = self.data.train_dataloader()
        return StackedBatches([batches.with_seed(seed) for seed in self.seeds])

    def val_dataloader(self) -> EvaluationBatches:
        return self.data.val_dataloader()
