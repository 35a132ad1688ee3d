"""An exponentially weighted mean over earlier batches."""

import torch
from torch import Tensor, nn

from vae_lab.configuration.options import OpenUnitInterval


class RunningMean(nn.Module):
    """An exponentially weighted mean of the values of earlier batches.

    m_t = (1 - d) sum_{i < t} d^(t - 1 - i) y_i / (1 - d^t), where y_i is the mean of batch i

    The division makes the weights sum to 1 from the first batch on (Kingma & Ba 2015, section 3,
    https://arxiv.org/abs/1412.6980). Before the first batch the mean is 0. In training, and only if gradients are
    enabled, a call adds its batch after it has computed the mean. The sums are buffers, so a checkpoint stores them.

    Args:
        decay: d, in (0, 1).

    Attributes:
        total: the weighted sum of the batches' means, of shape ().
        weight: the sum of the weights, of shape ().
    """

    total: Tensor
    weight: Tensor

    def __init__(self, decay: OpenUnitInterval) -> None:
        super().__init__()
        self.decay = decay
        self.register_buffer("total", torch.zeros(()))
        self.register_buffer("weight", torch.zeros(()))

    def forward(self, y: Tensor) -> Tensor:
        """Return the mean of the earlier batches, of shape (); `y` holds this batch's values, without a gradient."""
        mean = self.total / self.weight.clamp(min=torch.finfo(self.weight.dtype).tiny)
        if self.training and torch.is_grad_enabled():
            # New tensors, because a compiled backward pass may recompute the mean from the inputs of its forward pass.
            self.total = self.decay * self.total + (1 - self.decay) * y.mean()
            self.weight = self.decay * self.weight + (1 - self.decay)
        return mean
