"""`hydra/launcher=gpus`: run the jobs of a multirun in processes that share the GPUs of this machine.

Hydra accepts a plugin only if its class is defined in this namespace. It imports this module at every start, so it
imports nothing heavy.
"""

from collections.abc import Mapping, Sequence

from vae_lab.sweeps import process_launcher
from vae_lab.sweeps.gpus import VISIBLE, assign_gpus, visible_gpus


class GpusLauncher(process_launcher.ProcessLauncher):
    """Runs each job in the first free process; each process sees one GPU only, always the same.

    Args:
        runs_per_gpu: the number of processes that share a GPU.
    """

    def __init__(self, runs_per_gpu: int) -> None:
        super().__init__()
        self.runs_per_gpu = runs_per_gpu

    def environments(self, num_jobs: int) -> Sequence[Mapping[str, str]]:
        return [{VISIBLE: gpu} for gpu in assign_gpus(visible_gpus(), self.runs_per_gpu)]
