"""What parts declare about themselves: the values that class attributes may have, and how they are read.

A part declares what it provides and requires by class attributes that are written as literals, so that a configuration
can be checked from the text of its classes, before torch is imported.
"""

from functools import cache
from typing import Any, Literal

from vae_lab.configuration.signature import class_constant
from vae_lab.configuration.source import find

# Where a latent variable lives.
Space = Literal["real", "categorical", "sphere"]

# How messages call the inhabitants of a space.
IN_WORDS = {"real": "real vectors", "categorical": "one-hot vectors", "sphere": "unit vectors"}

# Whether an objective needs a posterior with a density, one without (a deterministic code), takes either, or is for a
# model that has no posterior.
PosteriorDensity = Literal["required", "absent", "any", "unused"]

# What an objective does with log q at samples: it takes it where the KL has no closed form, it always needs it, it
# needs it differentiable through the samples alone, or at samples that are held fixed.
SampleDensity = Literal["where_needed", "always", "path_only", "fixed"]


@cache
def declaration(target: str, name: str) -> Any:
    """The literal value of an attribute of the class of a dotted name; None where its text cannot be read."""
    found = find(target)
    return class_constant(*found, name) if found else None
