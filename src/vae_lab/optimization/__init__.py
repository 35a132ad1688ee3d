"""Optimisation: how the learning rate changes over training."""

from typing import TYPE_CHECKING

from vae_lab.configuration.public_names import lazy_names

if TYPE_CHECKING:
    from vae_lab.optimization.lr_schedules import Schedule as Schedule
    from vae_lab.optimization.lr_schedules import Stages as Stages

__getattr__, __dir__ = lazy_names(__name__)
