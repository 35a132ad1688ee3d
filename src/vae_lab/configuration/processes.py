"""Several processes that train one run: which of them writes, and where."""

import os
from collections.abc import Sequence

from vae_lab.configuration.overrides import parse
from vae_lab.errors import UserError

# The variables in which torchrun, SLURM and Lightning give the rank of a process, overall or on its node, and of the
# node.
RANKS = ("RANK", "SLURM_PROCID", "LOCAL_RANK", "NODE_RANK")

# The variables in which torchrun and `srun` give the number of processes that they started.
SIZES = {"torchrun": "WORLD_SIZE", "srun": "SLURM_STEP_NUM_TASKS"}


def is_first() -> bool:
    """Return whether this process is alone, or the first of those that train a run together."""
    return all(os.environ.get(rank, "0") == "0" for rank in RANKS)


def check_shared_folder(arguments: Sequence[str], *, multirun: bool) -> None:
    """Refuse processes that were started together and would each choose a folder by its own clock.

    Args:
        arguments: the overrides of the command line.
        multirun: whether it is a sweep.

    Raises:
        UserError: one line with the folder to name.
    """
    key = "hydra.sweep.dir" if multirun else "hydra.run.dir"
    if any(override.key_or_group == key for override in parse(arguments)):
        return
    for launcher, size in SIZES.items():
        if int(os.environ.get(size, "1")) > 1:
            raise UserError(
                f"{size}={os.environ[size]}: the processes of {launcher} would each write into a folder of their own; "
                f"name one for all of them with {key}=DIR"
            )
