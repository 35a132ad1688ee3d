"""Types for the options of parts: what a value on the command line must satisfy.

A part annotates its `__init__` with them; the configuration check reads the annotations without importing
the part (and so without importing torch).
"""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

PositiveInt = Annotated[int, Field(gt=0)]
# As many that each has others beside it.
AtLeastTwo = Annotated[int, Field(ge=2)]
NonNegativeInt = Annotated[int, Field(ge=0)]
PositiveFloat = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NonNegativeFloat = Annotated[float, Field(ge=0, allow_inf_nan=False)]
# A weight between two things: 0 and 1 are all of one of them.
UnitInterval = Annotated[float, Field(ge=0, le=1)]
OpenUnitInterval = Annotated[float, Field(gt=0, lt=1)]
# Images held out of a set: how many, or which part of all of them.
SplitSize = PositiveInt | OpenUnitInterval
# Height and width in pixels, or one number for both.
ImageSize = PositiveInt | tuple[PositiveInt, PositiveInt]

Activation = Literal["relu", "tanh", "elu", "gelu", "silu", "softplus", "leaky_relu"]
# After a hidden layer there may also be gated linear units: they halve its width.
HiddenActivation = Activation | Literal["gated"]

# Where a decoder's means lie: anywhere, or in the pixel range (0, 1) behind a sigmoid.
MeanRange = Literal["real", "unit_interval"]

# Whether a corruption acts on training images only.
CorruptionPhase = Literal["training", "always"]

# Convolutional networks: channels of each stage, and what keeps the scale of activations.
Widths = Annotated[Sequence[PositiveInt], Field(min_length=1)]
Norm = Literal["none", "batch", "layer", "group"]
