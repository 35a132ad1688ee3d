"""Every objective over two processes, under torch's DistributedDataParallel on the CPU: what each process does."""

import json
from datetime import timedelta
from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from helpers import parts

WORLD_SIZE = 2


class Step(nn.Module):
    """A model and its objective as one module, as the LightningModule holds them."""

    def __init__(self, choice: str) -> None:
        super().__init__()
        self.model, self.objective = parts.model_and_objective(choice)

    def forward(self, x: Tensor) -> Tensor:
        value: Tensor = self.objective(self.model, x).value
        return value


def gradients(step: nn.Module, x: Tensor, rank: int) -> list[Tensor]:
    """The gradient at every parameter under this process's noise."""
    step.zero_grad()
    torch.manual_seed(rank)
    step(x).backward()
    return [parameter.grad.clone() for parameter in step.parameters() if parameter.grad is not None]


def disagreement(choice: str, rank: int) -> str:
    """What goes wrong with an objective over two processes; nothing where it works."""
    torch.manual_seed(0)
    step = Step(choice)
    x = parts.images(step.model, 8)[rank::WORLD_SIZE]
    buffers = [buffer.clone() for buffer in step.buffers()]
    alone = gradients(step, x, rank)
    for own in alone:
        dist.all_reduce(own)
    for buffer, before in zip(step.buffers(), buffers, strict=True):
        buffer.copy_(before)  # an objective may count its batches
    together = DistributedDataParallel(step)
    shared = gradients(together, x, rank)
    if len(alone) != sum(1 for parameter in step.parameters() if parameter.requires_grad):
        return "a parameter takes no part in the loss"
    for own, mean in zip(alone, shared, strict=True):
        if not torch.allclose(own / WORLD_SIZE, mean, rtol=1e-4, atol=1e-6):
            return "the gradient is not the mean over the processes"
    gradients(together, x, rank)  # here DistributedDataParallel complains of parameters that were left out
    return ""


def work(rank: int, folder: str) -> None:
    """One process: all objectives in turn."""
    torch.set_num_threads(1)
    store = dist.FileStore(str(Path(folder, "store")), WORLD_SIZE)
    dist.init_process_group("gloo", store=store, rank=rank, world_size=WORLD_SIZE, timeout=timedelta(seconds=60))
    found = {choice: disagreement(choice, rank) for choice in parts.choices("objective")}
    Path(folder, f"{rank}.json").write_text(json.dumps(found))
    dist.destroy_process_group()
