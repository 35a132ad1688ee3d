"""`hydra/launcher=ensemble`: train similar jobs of a multirun as one.

Hydra accepts a plugin only if its class is defined in this namespace, so the class stands here and its code in
`vae_lab.experimental.ensemble.launcher`. Hydra imports both modules at every start, so they import nothing heavy.
"""

from vae_lab.experimental.ensemble import launcher


class EnsembleLauncher(launcher.EnsembleLauncher):
    """The name under which Hydra finds the launcher."""
