"""What an experiment does beyond training: other commands at its end."""

from typing import TYPE_CHECKING

from vae_lab.configuration.public_names import lazy_names

if TYPE_CHECKING:
    from vae_lab.experiments.after_training import CompareEstimators as CompareEstimators
    from vae_lab.experiments.after_training import Evaluate as Evaluate

__getattr__, __dir__ = lazy_names(__name__)
