"""Averages over many batches, accumulated on the device."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor


class RunningAverages:
    """Averages of named terms over images, exact for batches of any sizes.

    The sums are in float64 if the device supports it, so that an epoch's metrics do not depend on the batch size.
    Nothing is copied to the CPU before `pop`.

    Attributes:
        names: the names of the terms, T in all.
        totals: the terms' sums and the number of images, of shape (T + 1,), or None before the first batch.
        num_batches: the batches that were added.
    """

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Forget all batches."""
        self.names: tuple[str, ...] = ()
        self.totals: Tensor | None = None  # (T + 1,)
        self.num_batches = 0

    def add(self, terms: Mapping[str, Tensor], num_images: int) -> None:
        """Add a batch.

        Args:
            terms: averages over the batch (scalars), or values for each of its images, of shape (B,).
            num_images: B.
        """
        values = torch.stack([*terms.values()]).detach()  # (T,) or (T, B)
        wide = values if values.device.type == "mps" else values.double()
        means = wide.mean(1) if wide.ndim == 2 else wide  # (T,)
        weighted = torch.cat([means, means.new_ones(1)]) * num_images
        # The totals of a resumed run were loaded onto the CPU.
        self.totals = weighted if self.totals is None else self.totals.to(weighted.device) + weighted
        self.names = tuple(terms)
        self.num_batches += 1

    def pop(self, reduce: Callable[[Tensor], Tensor]) -> dict[str, float]:
        """Return the averages by name, and start again.

        Args:
            reduce: sums the totals over all processes; the identity if there is only one.
        """
        if self.totals is None:
            return {}
        *sums, num_images = reduce(self.totals).tolist()
        averages = {name: total / num_images for name, total in zip(self.names, sums, strict=True)}
        self.clear()
        return averages

    def state_dict(self) -> dict[str, Any]:
        """Return the state for a checkpoint."""
        return {"names": list(self.names), "totals": self.totals, "num_batches": self.num_batches}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore the state from a checkpoint."""
        self.names = tuple(state["names"])
        self.totals = state["totals"]
        self.num_batches = state["num_batches"]
