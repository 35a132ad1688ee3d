"""The one interface of the probabilistic parts: a family of laws p(y | c)."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

# What the `sample` of a torch distribution takes.
SampleShape = torch.Size | list[int] | tuple[int, ...]


class Conditional(nn.Module, ABC):
    """A family of laws p(y | c): posteriors, priors and likelihoods are its members.

    The forward pass maps a context to a `torch.distributions.Distribution` whose event is the whole of y (all
    latent units, all pixels of an image), so that `log_prob` and KL are nats per image. Its batch shape is
    that of the context.
    """

    @abstractmethod
    def forward(self, c: Tensor | None) -> Distribution:
        """The law of y given the context `c`, which is None where y depends on nothing."""


def at_least_float32(x: Tensor) -> Tensor:
    """Widen half precision: a sum of hundreds of log-densities in bfloat16 would be off by whole nats."""
    return x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
