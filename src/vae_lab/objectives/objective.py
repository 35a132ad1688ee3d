"""What an objective is: a model and a batch in, a loss to minimise out."""

from abc import ABC, abstractmethod
from typing import NamedTuple

from torch import Tensor, nn

from vae_lab.model import LatentModel


class Loss(NamedTuple):
    """What an objective gives for a batch, in nats per image, averaged over the batch."""

    value: Tensor  # scalar, to be minimised
    terms: dict[str, Tensor]  # scalars, detached: what is logged under `train/NAME`


class Objective(nn.Module, ABC):
    """A loss variant: `loss = -bound` for the bounds, with every term under its own name."""

    @abstractmethod
    def forward(self, model: LatentModel, x: Tensor, c: Tensor | None = None) -> Loss:
        """The loss of a batch of images `x`, of shape (B, C, H, W), given what they are conditioned on."""
