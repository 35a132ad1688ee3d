"""Every objective over two processes, as `trainer=ddp` trains it: torch's DistributedDataParallel on the CPU."""

import json

import pytest
import torch.multiprocessing as mp

from helpers import parts
from helpers.two_processes import MORE_CASES, NO_NOISE_OF_IMAGES, WORLD_SIZE, work

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, str]]:
    """What each process found, by objective."""
    folder = tmp_path_factory.mktemp("processes")
    mp.spawn(work, (str(folder),), nprocs=WORLD_SIZE)
    return [json.loads((folder / f"{rank}.json").read_text()) for rank in range(WORLD_SIZE)]


@pytest.mark.parametrize("choice", parts.choices("objective"))
def test_trains_over_two_processes(choice: str, found: list[dict[str, str]]) -> None:
    assert [process[choice] for process in found] == ["", ""]


@pytest.mark.parametrize("case", [*parts.choices("objective"), *MORE_CASES])
def test_two_processes_train_as_one_does(case: str, found: list[dict[str, str]]) -> None:
    """The mean loss and the mean gradient are those of one process with all images, whatever an objective compares."""
    if case in NO_NOISE_OF_IMAGES:
        pytest.skip("its random numbers belong to places in a batch, so the same ones cannot be drawn")
    assert [process[f"as one: {case}"] for process in found] == ["", ""]
