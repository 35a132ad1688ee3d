"""The base class of posteriors, priors and likelihoods: a family of distributions p(y | c)."""

from abc import ABC

import torch
from torch import Tensor, nn

# What the `sample` of a torch distribution takes.
SampleShape = torch.Size | list[int] | tuple[int, ...]


class Conditional(nn.Module, ABC):
    """The base class of families of distributions p(y | context): posteriors, priors and likelihoods.

    The forward pass maps the context to a `torch.distributions.Distribution`. The event of that distribution is the
    whole of y (all latent units, all pixels of an image), so that `log_prob` and KL are in nats per image. Its batch
    shape is that of the context.
    """


def at_least_float32(x: Tensor) -> Tensor:
    """Return a tensor in float32 if it is in half precision, else the tensor itself.

    A sum of hundreds of log-densities in bfloat16 would be off by whole nats.
    """
    return x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
