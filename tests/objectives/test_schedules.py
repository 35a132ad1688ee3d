"""Schedules of weights: their formulas, when they advance, and where an objective takes one."""

import copy
import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from helpers import parts
from helpers.composed import composed
from vae_lab.configuration.check import check
from vae_lab.objectives.schedules import Constant, Cosine, Cyclical, Linear, Schedule
from vae_lab.objectives.weighted import Beta

SCHEDULES: list[tuple[Schedule, dict[int, float]]] = [
    (Constant(3.0), {0: 3.0, 9: 3.0}),
    (Linear(1.0, 5.0, steps=8), {0: 1.0, 2: 2.0, 8: 5.0, 20: 5.0}),
    (Cosine(0.0, 2.0, steps=6), {0: 0.0, 1: 1 - math.cos(math.pi / 6), 3: 1.0, 6: 2.0, 20: 2.0}),
    # Cycles of 10 batches, rising within 5.
    (Cyclical(steps=40), {0: 0.0, 2: 0.4, 5: 1.0, 9: 1.0, 10: 0.0, 11: 0.2, 31: 0.2, 39: 1.0, 40: 1.0, 43: 1.0}),
    # T / M = 2.5: ceil(T / M) = 3 batches in a cycle.
    (Cyclical(steps=10, rising=0.8, end=2.0), {0: 0.0, 1: 1.0, 2: 2.0, 3: 0.0, 4: 1.0}),
]


@pytest.mark.parametrize(("schedule", "expected"), SCHEDULES)
def test_schedule_follows_its_formula(schedule: Schedule, expected: dict[int, float]) -> None:
    schedule = copy.deepcopy(schedule)
    weights = [schedule(torch.zeros((), dtype=torch.float64)).item() for _ in range(50)]
    for step, weight in expected.items():
        assert weights[step] == pytest.approx(weight, abs=1e-12), step


def test_schedule_advances_with_training_batches_only_and_is_saved() -> None:
    model, objective = parts.model_and_objective("objective=beta_warmup", "objective.beta.steps=10")
    x = parts.images(model, 4)

    def beta() -> float:
        return round(objective(model, x).terms["beta"].item(), 6)

    assert [beta(), beta()] == [0.0, 0.1]
    objective.eval()
    assert [beta(), beta()] == [0.2, 0.2]
    objective.train()
    with torch.no_grad():
        assert [beta(), beta()] == [0.2, 0.2]
    other = Beta(Linear(0.0, 1.0, steps=10))
    other.load_state_dict(objective.state_dict())
    assert other(model, x).terms["beta"].item() == pytest.approx(0.2)
    assert beta() == 0.2


@pytest.mark.slow
def test_a_growing_step_compiles_once() -> None:
    model, objective = parts.model_and_objective("objective=capacity")
    x = parts.images(model, 4)
    torch._dynamo.reset()
    compilations = 0

    def backend(graph: torch.fx.GraphModule, inputs: list[Tensor]) -> Callable[..., object]:
        nonlocal compilations
        compilations += 1
        return graph.forward

    compiled = torch.compile(lambda x: objective(model, x), fullgraph=True, backend=backend)
    capacities = [compiled(x).terms["capacity"].item() for _ in range(4)]
    assert capacities == pytest.approx([0, 25 / 6000, 50 / 6000, 75 / 6000])
    assert compilations == 1


LINEAR = "{_target_: vae_lab.objectives.schedules.Linear, start: 0, end: 1, steps: 5}"


def test_a_weight_is_a_number_or_a_schedule() -> None:
    for weight in ("2", "0.5", LINEAR):
        check(composed("objective=beta", f"objective.beta={weight}"))
    model, objective = parts.model_and_objective("objective=free_bits", f"objective.free_nats={LINEAR}")
    values = [objective(model, parts.images(model, 3)).terms["free_nats"].item() for _ in range(2)]
    assert values == pytest.approx([0.0, 0.2])
