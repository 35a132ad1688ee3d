"""`launcher=submitit_slurm` and `launcher=submitit_local`: submit the jobs of a multirun to a cluster.

Hydra accepts a plugin only if its class is defined in this namespace. It imports this module at every start, so it
imports nothing heavy.
"""

from vae_lab.sweeps import submitted


class SlurmLauncher(submitted.SubmittedLauncher):
    """Submits jobs to SLURM."""

    executor = "slurm"


class LocalLauncher(submitted.SubmittedLauncher):
    """Runs all jobs at once in processes of this machine, as SLURM would."""

    executor = "local"
