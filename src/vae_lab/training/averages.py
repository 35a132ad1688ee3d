"""Averages over many batches, kept on the device and read once."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor


class RunningAverages:
    """Averages of named terms over images, exact for batches of any sizes.

    The sums live in float64 where the device has it, so that an epoch's figure does not depend on how it was
    batched; nothing is copied to the host before `pop`.
    """

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        self.names: tuple[str, ...] = ()
        self.totals: Tensor | None = None  # (T + 1,): the terms' sums, and the number of images
        self.num_batches = 0

    def add(self, terms: Mapping[str, Tensor], num_images: int) -> None:
        """Count a batch of `num_images` images.

        Args:
            terms: averages over the batch, scalars, or the figures of its images, of shape (B,).
            num_images: B.
        """
        values = torch.stack([*terms.values()]).detach()  # (T,) or (T, B)
        wide = values if values.device.type == "mps" else values.double()
        means = wide.mean(1) if wide.ndim == 2 else wide  # (T,)
        weighted = torch.cat([means, means.new_ones(1)]) * num_images
        # The totals of a resumed run were read onto the host.
        self.totals = weighted if self.totals is None else self.totals.to(weighted.device) + weighted
        self.names = tuple(terms)
        self.num_batches += 1

    def pop(self, reduce: Callable[[Tensor], Tensor]) -> dict[str, float]:
        """The averages so far, over all processes if `reduce` sums over them; then start anew."""
        if self.totals is None:
            return {}
        *sums, num_images = reduce(self.totals).tolist()
        figures = {name: total / num_images for name, total in zip(self.names, sums, strict=True)}
        self.clear()
        return figures

    def state_dict(self) -> dict[str, Any]:
        return {"names": list(self.names), "totals": self.totals, "num_batches": self.num_batches}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.names = tuple(state["names"])
        self.totals = state["totals"]
        self.num_batches = state["num_batches"]
