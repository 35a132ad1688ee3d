"""Processes that share the GPUs of one machine: each sees one of them, from before CUDA starts to its own end."""

import os
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import takewhile
from typing import Any, TypeVar

from joblib.externals.loky.process_executor import ProcessPoolExecutor

from vae_lab.errors import UserError

VISIBLE = "CUDA_VISIBLE_DEVICES"
THREADS = "OMP_NUM_THREADS"
T = TypeVar("T")


def visible_gpus() -> list[str]:
    """The GPUs of this machine, or those that CUDA_VISIBLE_DEVICES leaves of them, by the names that it uses.

    CUDA ignores whatever follows an invalid name:
    https://docs.nvidia.com/cuda/cuda-c-programming-guide/index.html#cuda-environment-variables
    """
    named = os.environ.get(VISIBLE)
    if named is not None:
        return list(takewhile(lambda name: name not in ("", "-1"), map(str.strip, named.split(","))))
    # It asks the driver, without starting CUDA, so that the memory of the GPUs is left to the jobs.
    from torch.cuda import device_count

    return [str(number) for number in range(device_count())]


def places(gpus: Sequence[str], runs_per_gpu: int) -> list[str]:
    """The GPU of each process; the first ones are on different GPUs, so that few jobs spread out.

    Raises:
        UserError: where there is no place.

    >>> places(["0", "3"], 2)
    ['0', '3', '0', '3']
    """
    if runs_per_gpu < 1:
        raise UserError(f"hydra.launcher.runs_per_gpu={runs_per_gpu}: it must be at least 1")
    if not gpus:
        raise UserError(
            f"launcher=gpus: there is no GPU to be seen ({VISIBLE}={os.environ.get(VISIBLE, '')}); "
            "launcher=joblib runs a job on each core of the processor"
        )
    return [*gpus] * runs_per_gpu


class Processes:
    """A process for each place, which runs one job at a time; they start with their first jobs.

    The processor's cores are divided among them, unless OMP_NUM_THREADS is set.

    Args:
        gpus: the GPU of each process.
    """

    def __init__(self, gpus: Sequence[str]) -> None:
        threads = os.environ.get(THREADS, str(max(1, (os.cpu_count() or 1) // len(gpus))))
        self.processes = [ProcessPoolExecutor(1, env={VISIBLE: gpu, THREADS: threads}) for gpu in gpus]

    def __len__(self) -> int:
        return len(self.processes)

    def run(self, jobs: Sequence[Callable[[], T]]) -> list[T]:
        """Run jobs, each in the first process that is free.

        Raises:
            Exception: what ended a process, when the others have run the remaining jobs.
        """
        pending = deque(enumerate(jobs))
        returned: dict[int, T] = {}

        def feed(process: Any) -> None:
            while True:
                try:
                    number, job = pending.popleft()
                except IndexError:
                    return
                returned[number] = process.submit(job).result()

        with ThreadPoolExecutor(len(self.processes)) as feeders:
            list(feeders.map(feed, self.processes))
        return [returned[number] for number in range(len(jobs))]
