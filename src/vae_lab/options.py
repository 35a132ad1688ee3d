"""Types for the options of parts: what a value on the command line must satisfy.

A part annotates its `__init__` with them; the configuration check reads the annotations without importing
the part (and so without importing torch).
"""

from typing import Annotated, Literal

from pydantic import Field

PositiveInt = Annotated[int, Field(gt=0)]
NonNegativeInt = Annotated[int, Field(ge=0)]
PositiveFloat = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NonNegativeFloat = Annotated[float, Field(ge=0, allow_inf_nan=False)]

Activation = Literal["relu", "tanh", "elu", "gelu", "silu", "softplus", "leaky_relu"]
