"""Mixtures of distributions of one family."""

from collections.abc import Callable

import torch
from torch import Size, Tensor
from torch.distributions import Distribution


class Mixture(Distribution):
    """The mixture p(z) = sum_k w_k p(z | u_k), of empty batch shape.

    To sample, only the components that were drawn are built, whereas `torch.distributions.MixtureSameFamily` samples
    from all of them.

    Args:
        family: maps contexts u, of shape (*batch, ...), to distributions p(z | u) of batch shape (*batch,).
        contexts: u_1 to u_K, of shape (K, ...).
        logits: define the weights w = softmax(logits), of shape (K,).
    """

    arg_constraints = {}  # noqa: RUF012 (torch's own declaration)

    def __init__(self, family: Callable[[Tensor], Distribution], contexts: Tensor, logits: Tensor) -> None:
        self.family = family
        self.contexts = contexts
        self.log_weights = logits.log_softmax(0)
        self.components = family(contexts)
        super().__init__(torch.Size(), self.components.event_shape, validate_args=False)

    def log_prob(self, z: Tensor) -> Tensor:
        log_p = self.components.log_prob(z.unsqueeze(-len(self.event_shape) - 1))  # (*batch, K)
        return (self.log_weights + log_p).logsumexp(-1)

    @torch.no_grad()
    def sample(self, sample_shape: Size | list[int] | tuple[int, ...] = ()) -> Tensor:
        shape = torch.Size(sample_shape)
        component = torch.multinomial(self.log_weights.exp(), shape.numel(), replacement=True)  # (numel,)
        return self.family(self.contexts[component.reshape(shape)]).sample()
