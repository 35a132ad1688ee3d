"""Every objective over two processes, under torch's DistributedDataParallel on the CPU: what each process does."""

import json
from datetime import timedelta
from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from helpers import measured_objectives, parts
from helpers.fixed_noise import FixedNoise
from vae_lab.maths import divergences
from vae_lab.models.latent_model import LatentModel
from vae_lab.objectives.objective import Objective
from vae_lab.objectives.weighted import Capacity, FreeBits

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


# Cases beside the choices of `conf/`: an objective, and what is changed in it or in its model.
MORE_CASES = ("beta_tc stratified", "elbo gaussian_optimal", "capacity between", "free_bits between")
# Their random numbers belong to places in a batch, and not to its images: the chains, and the permutation of units.
NO_NOISE_OF_IMAGES = ("objective=monte_carlo_em", "objective=factor")


def between(name: str, model: LatentModel) -> Objective:
    """An objective with a threshold between the rates of the two processes: the loss is another on either side."""
    (latent,) = model.trace(parts.images(model, 8, torch.float64)).latents
    units = latent.kl_of_units()
    assert units is not None
    first, second = units[0::WORLD_SIZE].detach().mean(0), units[1::WORLD_SIZE].detach().mean(0)  # (D,) each
    thresholds = 0.25 * first + 0.75 * second
    return Capacity(10.0, thresholds.sum().item()) if name == "capacity" else FreeBits(thresholds[0].item())


def step_of(case: str, images: range) -> list[Tensor]:
    """The loss of some of the images and its gradients, where each image has its own noise in any batch."""
    name, _, change = case.removeprefix("objective=").partition(" ")
    likelihood = "gaussian_optimal" if change == "gaussian_optimal" else "bernoulli"
    model = measured_objectives.a_vae(f"likelihood={likelihood}").double().train()
    objective = measured_objectives.late(name).double()
    if change == "stratified":
        objective.log_weights = divergences.stratified_log_weights  # type: ignore[assignment]
    if change == "between":
        objective = between(name, model)
    x = parts.images(model, 8, torch.float64)[list(images)]
    parameters = [*model.parameters(), *objective.parameters()]
    with FixedNoise(torch.eye(3, dtype=torch.float64), images):
        value = objective(model, x).value
    gradients = torch.autograd.grad(value, parameters, allow_unused=True)
    zeros = [torch.zeros_like(parameter) for parameter in parameters]
    return [value.detach(), *(zero if g is None else g for g, zero in zip(gradients, zeros, strict=True))]


def dependence(alone: list[Tensor], case: str, rank: int) -> str:
    """Whether two processes have another loss or gradient than one process with the images of both."""
    found = step_of(case, range(rank, 8, WORLD_SIZE))
    for number, (own, expected) in enumerate(zip(found, alone, strict=True)):
        dist.all_reduce(own)
        if not torch.allclose(own / WORLD_SIZE, expected, rtol=1e-9, atol=1e-12):
            return f"{'a gradient' if number else 'the loss'} depends on the number of processes"
    return ""


def work(rank: int, folder: str) -> None:
    """One process: all objectives in turn."""
    torch.set_num_threads(1)
    cases = [choice for choice in parts.choices("objective") if choice not in NO_NOISE_OF_IMAGES] + [*MORE_CASES]
    alone = {case: step_of(case, range(8)) for case in cases}
    store = dist.FileStore(str(Path(folder, "store")), WORLD_SIZE)
    dist.init_process_group("gloo", store=store, rank=rank, world_size=WORLD_SIZE, timeout=timedelta(seconds=60))
    found = {choice: disagreement(choice, rank) for choice in parts.choices("objective")}
    found |= {f"as one: {case}": dependence(alone[case], case, rank) for case in cases}
    Path(folder, f"{rank}.json").write_text(json.dumps(found))
    dist.destroy_process_group()
