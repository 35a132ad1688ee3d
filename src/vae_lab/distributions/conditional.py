"""What posteriors, priors and likelihoods have in common: a family of distributions p(y | c)."""

from abc import ABC

import torch
from torch import Tensor, nn

# What the `sample` of a torch distribution takes.
SampleShape = torch.Size | list[int] | tuple[int, ...]


class Conditional(nn.Module, ABC):
    """A family of distributions p(y | c): posteriors, priors and likelihoods are its members.

    The forward pass of a member maps what y depends on to a `torch.distributions.Distribution`. The event of that
    distribution is the whole of y (all latent units, all pixels of an image), so that `log_prob` and KL are nats per
    image. Its batch shape is that of the context.
    """


def at_least_float32(x: Tensor) -> Tensor:
    """Widen half precision: a sum of hundreds of log-densities in bfloat16 would be off by whole nats."""
    return x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
