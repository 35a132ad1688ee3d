"""Share the GPUs of one machine among processes: each sees one GPU only, fixed before CUDA starts."""

import os
from collections.abc import Sequence
from itertools import takewhile

from vae_lab.configuration.costs import check_processes
from vae_lab.errors import UserError

VISIBLE = "CUDA_VISIBLE_DEVICES"


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
            "use launcher=processes, which runs a job on each core of the CPU"
        )
    key = f"hydra.launcher.runs_per_gpu={runs_per_gpu} on {len(gpus)} GPUs"
    check_processes(len(gpus) * runs_per_gpu, key, "choose a smaller number", per_core=8)
    return [*gpus] * runs_per_gpu
