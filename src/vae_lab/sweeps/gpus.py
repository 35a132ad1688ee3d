"""Processes that share the GPUs of one machine; each process sees one GPU only, fixed before CUDA starts."""

import os
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import takewhile
from typing import Any, TypeVar

from joblib.externals.loky.process_executor import ProcessPoolExecutor

from vae_lab.configuration.costs import check_processes
from vae_lab.errors import UserError

VISIBLE = "CUDA_VISIBLE_DEVICES"
THREADS = "OMP_NUM_THREADS"
T = TypeVar("T")


def visible_gpus() -> list[str]:
    """Return the GPUs of this machine, or those that CUDA_VISIBLE_DEVICES names, in the syntax of that variable.

    CUDA ignores everything after an invalid name:
    https://docs.nvidia.com/cuda/cuda-c-programming-guide/index.html#cuda-environment-variables
    """
    named = os.environ.get(VISIBLE)
    if named is not None:
        return list(takewhile(lambda name: name not in ("", "-1"), map(str.strip, named.split(","))))
    # This asks the driver without starting CUDA, which would take memory of the GPUs.
    from torch.cuda import device_count

    return [str(number) for number in range(device_count())]


def assign_gpus(gpus: Sequence[str], runs_per_gpu: int) -> list[str]:
    """Return the GPU of each process; the first processes are on different GPUs, so that few jobs spread out.

    Args:
        gpus: the visible GPUs.
        runs_per_gpu: the number of processes that share a GPU.

    Raises:
        UserError: if there is no GPU, or `runs_per_gpu` is less than 1 or more than the cores can run.

    >>> assign_gpus(["0", "3"], 2)
    ['0', '3', '0', '3']
    """
    if runs_per_gpu < 1:
        raise UserError(f"hydra.launcher.runs_per_gpu={runs_per_gpu}: expected at least 1")
    if not gpus:
        raise UserError(
            f"launcher=gpus: no GPU is visible ({VISIBLE}={os.environ.get(VISIBLE, '')}); "
            "use launcher=joblib, which runs a job on each core of the CPU"
        )
    num = len(gpus) * runs_per_gpu
    check_processes(num, f"hydra.launcher.runs_per_gpu={runs_per_gpu} on {len(gpus)} GPUs", "choose a smaller number")
    return [*gpus] * runs_per_gpu


class Processes:
    """Processes that run one job at a time each; a process starts with its first job.

    The CPU's cores are divided among them, unless OMP_NUM_THREADS is set.

    Args:
        gpus: the GPU of each process.
    """

    def __init__(self, gpus: Sequence[str]) -> None:
        threads = os.environ.get(THREADS, str(max(1, (os.cpu_count() or 1) // len(gpus))))
        self.processes = [ProcessPoolExecutor(1, env={VISIBLE: gpu, THREADS: threads}) for gpu in gpus]

    def __len__(self) -> int:
        return len(self.processes)

    def run(self, jobs: Sequence[Callable[[], T]]) -> list[T]:
        """Run jobs, each in the first free process, and return their results in order.

        Raises:
            Exception: the error of a process, after the others have run the remaining jobs.
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
