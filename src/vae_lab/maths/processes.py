"""The batch of all processes that train a run together, for what is no mean over single images.

Gradients are averaged over the processes. Where each has the mean of its own images that is the gradient of the mean of
all; a covariance, a distance of distributions or |rate - C| needs the whole batch, with a gradient to every process.
"""

import torch.distributed as dist
from torch import Tensor


def num_processes() -> int:
    """Return the number of processes that train together; 1 where there is only this one."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def gather(x: Tensor) -> Tensor:
    """Return the rows of all processes, those of the first one first; without a copy if there is only one process.

    The gradient of a row is the sum of those in all processes.

    Args:
        x: of shape (B / P, ...), of P processes and the same shape in each.

    Returns:
        Of shape (B, ...).
    """
    if num_processes() == 1:
        return x
    # The collective that `torch.compile` can trace; importing it takes a while, and one process has no need of it.
    from torch.distributed import _functional_collectives as collectives

    named = getattr(collectives, "all_gather_single_autograd", None)  # its name in newer versions of torch
    all_gather = named or collectives.all_gather_tensor_autograd
    group = dist.group.WORLD
    assert group is not None, "several processes have one"
    rows: Tensor = all_gather(x.contiguous(), 0, group)
    return rows


def own_rows(num: int, x: Tensor) -> Tensor:
    """Return this process's rows of gathered ones.

    Args:
        num: B / P, their number.
        x: of shape (B, ...).
    """
    first = num * dist.get_rank() if num_processes() > 1 else 0
    return x[first : first + num]


def mean_over_processes(x: Tensor) -> Tensor:
    """Return the mean over all processes of a tensor of any shape, with a gradient to each of them."""
    return x if num_processes() == 1 else gather(x.unsqueeze(0)).mean(0)
