"""Sweeps: many runs by one command, their jobs, their folders, and the report at the end."""

from typing import TYPE_CHECKING

from vae_lab.configuration.public_names import lazy_names

if TYPE_CHECKING:
    from vae_lab.sweeps.end import SweepEnd as SweepEnd

__getattr__, __dir__ = lazy_names(__name__)
