"""`hydra/launcher=processes`: run the jobs of a multirun in processes on the cores of this machine.

Hydra accepts a plugin only if its class is defined in this namespace. It imports this module at every start, so it
imports nothing heavy.
"""

from collections.abc import Mapping, Sequence

from vae_lab.sweeps import process_launcher
from vae_lab.sweeps.cores import number_of_processes


class ProcessesLauncher(process_launcher.ProcessLauncher):
    """Runs each job in the first free process.

    Args:
        n_jobs: the number of processes; -1 for one on each core, -2 for one less.
    """

    def __init__(self, n_jobs: int) -> None:
        super().__init__()
        self.n_jobs = n_jobs

    def environments(self, num_jobs: int) -> Sequence[Mapping[str, str]]:
        return [{} for _ in range(min(number_of_processes(self.n_jobs), num_jobs))]
