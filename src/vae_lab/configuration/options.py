"""Types for the options of parts: what a value on the command line must satisfy.

A part annotates its `__init__` with them; the configuration check reads the annotations without importing
the part (and so without importing torch).
"""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

PositiveInt = Annotated[int, Field(gt=0)]
# A size that memory is taken for: of a layer, of a code, or of a number of samples. No machine has more.
MAX_SIZE = 2**20
Size = Annotated[int, Field(gt=0, le=MAX_SIZE)]
# A number of things that are compared with each other.
AtLeastTwo = Annotated[int, Field(ge=2, le=MAX_SIZE)]
NonNegativeInt = Annotated[int, Field(ge=0)]
# A number of layers of one kind, which are built one after the other.
MAX_DEPTH = 1000
Depth = Annotated[int, Field(ge=0, le=MAX_DEPTH)]
NumBlocks = Annotated[int, Field(gt=0, le=MAX_DEPTH)]
# The stages of a schedule, whose lengths grow as a power of their number.
NumStages = Annotated[int, Field(ge=2, le=100)]
PositiveFloat = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NonNegativeFloat = Annotated[float, Field(ge=0, allow_inf_nan=False)]
# A weight between two things; 0 and 1 leave one of them out.
UnitInterval = Annotated[float, Field(ge=0, le=1)]
OpenUnitInterval = Annotated[float, Field(gt=0, lt=1)]
# The size of a split: a number of images, or a fraction of all of them.
SplitSize = PositiveInt | OpenUnitInterval
# Height and width in pixels, or one number for both.
Pixels = Annotated[int, Field(gt=0, le=2**14)]
ImageSize = Pixels | tuple[Pixels, Pixels]

# The path of a file or a folder of data: a run records it absolute, so that it is found from any working directory.
IS_DATA_PATH = "the path of data"
DataPath = Annotated[str, IS_DATA_PATH]

Activation = Literal["relu", "tanh", "elu", "gelu", "silu", "softplus", "leaky_relu"]
# After a hidden layer there may also be gated linear units: they halve its width.
HiddenActivation = Activation | Literal["gated"]

# The range of a decoder's means: unbounded, or the pixel range (0, 1) by a sigmoid.
MeanRange = Literal["real", "unit_interval"]

# Whether a corruption acts on training images only, or on all images.
CorruptionPhase = Literal["training", "always"]

# Convolutional networks: the channels of each stage, and the normalisation.
Widths = Annotated[Sequence[Size], Field(min_length=1)]
Norm = Literal["none", "batch", "layer", "group"]
