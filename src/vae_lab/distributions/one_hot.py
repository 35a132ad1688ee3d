"""Distributions of one-hot vectors, relaxed so that gradients pass through their samples."""

from typing import ClassVar

import torch
from torch import Tensor
from torch.distributions import Distribution, constraints
from torch.nn.functional import one_hot
from torch.types import _size


class GumbelSoftmax(Distribution):
    """A categorical distribution of one-hot vectors whose reparameterised samples are relaxed.

    y = softmax((log p + g) / temperature),  g independent standard Gumbel noise

    As the temperature falls, y tends to a one-hot vector, which is an exact sample. `log_prob` is extended to relaxed
    samples as sum_k y_k log p_k, which at one-hot vectors is the log-probability. `sample` is exact, and no gradient
    passes through it. Jang et al. 2017, https://arxiv.org/abs/1611.01144;
    Maddison et al. 2017, https://arxiv.org/abs/1611.00712.

    Args:
        logits: unnormalised log-probabilities, of shape (*batch, C).
        temperature: above 0.
        hard: whether `rsample` rounds samples to one-hot vectors and keeps the gradient of the relaxed ones (the
            straight-through estimator).
    """

    arg_constraints: ClassVar[dict[str, constraints.Constraint]] = {}
    has_rsample = True

    def __init__(self, logits: Tensor, temperature: float, *, hard: bool) -> None:
        self.logits = logits.log_softmax(-1)  # normalised, as the logits of torch's categorical distributions are
        self.temperature = temperature
        self.hard = hard
        super().__init__(logits.shape[:-1], logits.shape[-1:], validate_args=False)

    @property
    def mean(self) -> Tensor:
        return self.logits.exp()

    @property
    def mode(self) -> Tensor:
        return self._one_hot_argmax(self.logits)

    def rsample(self, sample_shape: _size = ()) -> Tensor:
        relaxed = (self._perturbed_logits(sample_shape) / self.temperature).softmax(-1)
        if not self.hard:
            return relaxed
        return self._one_hot_argmax(relaxed) + (relaxed - relaxed.detach())

    @torch.no_grad()
    def sample(self, sample_shape: _size = ()) -> Tensor:
        return self._one_hot_argmax(self._perturbed_logits(sample_shape))

    def log_prob(self, value: Tensor) -> Tensor:
        return (value * self.logits).sum(-1)

    def _perturbed_logits(self, sample_shape: _size) -> Tensor:
        """Add Gumbel noise to the logits: the largest entry is an exact sample. Of shape (*sample, *batch, C)."""
        shape = self._extended_shape(sample_shape)
        uniform = torch.rand(shape, dtype=self.logits.dtype, device=self.logits.device)
        gumbel = -(-uniform.clamp(min=torch.finfo(uniform.dtype).tiny).log()).log()
        return self.logits + gumbel

    @staticmethod
    def _one_hot_argmax(scores: Tensor) -> Tensor:
        """Return the one-hot vector of the largest entry, of shape (*batch, C)."""
        return one_hot(scores.argmax(-1), scores.shape[-1]).to(scores.dtype)
