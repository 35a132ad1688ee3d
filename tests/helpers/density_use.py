"""How a loss depends on log q: at which samples, and through which of its arguments."""

import contextlib
from collections.abc import Iterator
from typing import Any, NamedTuple
from unittest import mock

import torch
from torch import Tensor
from torch.distributions import Distribution, Normal

from vae_lab.models.vae import VAE


class Scored(NamedTuple):
    """One use of the density of q."""

    log_q: Tensor
    along_path: bool  # whether z depends on the parameters of q
    of_params: bool  # whether log q does, at fixed z


@contextlib.contextmanager
def recording(model: VAE) -> Iterator[list[Scored]]:
    """Record every density of q that is taken. Its tensors are known by their memory, which detaching keeps."""
    scored: list[Scored] = []
    known: set[int] = set()
    original, forward = Normal.log_prob, model.posterior.forward

    def posterior(params: Tensor) -> Distribution:
        q: Any = forward(params)
        known.add(q.base_dist.loc.data_ptr())
        kept.append(q)
        return q

    def log_prob(self: Normal, value: Tensor) -> Tensor:
        log_q = original(self, value)
        if self.loc.data_ptr() in known and log_q.requires_grad:
            scored.append(Scored(log_q, value.requires_grad, self.loc.requires_grad))
        return log_q

    kept: list[Distribution] = []  # or their memory would be used again
    with mock.patch.object(model.posterior, "forward", posterior), mock.patch.object(Normal, "log_prob", log_prob):
        yield scored


def use_of(loss: Tensor, scored: list[Scored]) -> str | None:
    """What a loss wants of the densities that were taken, as a `SampleDensity`; None where it wants none."""
    taken = [each for each in scored if each.log_q.requires_grad]
    gradients = torch.autograd.grad(loss, [each.log_q for each in taken], allow_unused=True) if taken else ()
    used = [each for each, gradient in zip(taken, gradients, strict=True) if gradient is not None and gradient.any()]
    if not used:
        return None
    if not any(each.along_path for each in used):
        return "fixed"
    return "always" if all(each.of_params for each in used) else "path_only"
