"""Share the cores of one machine among processes."""

from vae_lab.configuration.machine import num_cores
from vae_lab.errors import UserError, show


def number_of_processes(n_jobs: int) -> int:
    """Return how many processes run jobs.

    Args:
        n_jobs: their number; -1 for one on each core, -2 for one less, and so on.

    Raises:
        UserError: if it is 0, or no whole number.
    """
    if not isinstance(n_jobs, int) or n_jobs == 0:
        raise UserError(f"hydra.launcher.n_jobs={show(n_jobs)}: expected at least 1, or -1 for a process on each core")
    return n_jobs if n_jobs > 0 else max(1, num_cores() + 1 + n_jobs)
