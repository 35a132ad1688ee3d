"""The Dirac delta: the distribution of a vector that is known exactly."""

from typing import ClassVar

import torch
from torch import Tensor
from torch.distributions import Distribution, constraints
from torch.types import _size


class Delta(Distribution):
    """The Dirac delta, which has all its mass at one vector.

    It has no density: `log_prob` is plus infinity at that vector and minus infinity elsewhere, and the KL from it to
    any density is infinite. An ELBO that is computed from it is therefore minus infinity, which is its value.

    Args:
        loc: the vectors, of shape (*batch, D).
    """

    arg_constraints: ClassVar[dict[str, constraints.Constraint]] = {}
    has_rsample = True

    def __init__(self, loc: Tensor) -> None:
        self.loc = loc
        super().__init__(loc.shape[:-1], loc.shape[-1:], validate_args=False)

    @property
    def mean(self) -> Tensor:
        return self.loc

    @property
    def mode(self) -> Tensor:
        return self.loc

    def rsample(self, sample_shape: _size = ()) -> Tensor:
        return self.loc.expand(self._extended_shape(sample_shape))

    def sample(self, sample_shape: _size = ()) -> Tensor:
        return self.rsample(sample_shape).detach()

    def log_prob(self, value: Tensor) -> Tensor:
        is_loc = (value == self.loc).all(-1)  # (*batch,)
        return torch.where(is_loc, torch.inf, -torch.inf).to(value.dtype)
