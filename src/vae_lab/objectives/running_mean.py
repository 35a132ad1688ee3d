"""A mean over the batches before."""

import torch
from torch import Tensor, nn

from vae_lab.configuration.options import OpenUnitInterval


class RunningMean(nn.Module):
    """The mean of what earlier batches were like, of which the last count most.

    m_t = (1 - d) sum_{i < t} d^(t - 1 - i) y_i / (1 - d^t), where y_i is the mean of batch i

    The division makes the weights sum to 1 from the first batch on (Kingma & Ba 2015, section 3,
    https://arxiv.org/abs/1412.6980). Before any batch was seen it is 0. In training, and only where gradients are
    recorded, a call counts its batch after the mean was taken. The sums are buffers: a checkpoint carries them.

    Args:
        decay: d.
    """

    total: Tensor
    weight: Tensor

    def __init__(self, decay: OpenUnitInterval) -> None:
        super().__init__()
        self.decay = decay
        self.register_buffer("total", torch.zeros(()))
        self.register_buffer("weight", torch.zeros(()))

    def forward(self, y: Tensor) -> Tensor:
        """The mean of the batches before, a scalar; `y` is this batch's, of any shape and without a gradient."""
        mean = self.total / self.weight.clamp(min=torch.finfo(self.weight.dtype).tiny)
        if self.training and torch.is_grad_enabled():
            # New tensors: a compiled backward pass may compute the mean again, from what its forward saw.
            self.total = self.decay * self.total + (1 - self.decay) * y.mean()
            self.weight = self.decay * self.weight + (1 - self.decay)
        return mean
