"""The types and ranges of the top level, and of what other libraries leave unchecked."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from vae_lab.configuration.options import NonNegativeInt, PositiveFloat, PositiveInt, Size
from vae_lab.configuration.pixels import Binarize, Dequantize

Seed = Annotated[int, Field(ge=0, lt=2**32)]


class Data(BaseModel):
    model_config = ConfigDict(extra="allow")
    batch_size: PositiveInt
    binarize: Binarize
    dequantize: Dequantize
    leave_out: list[NonNegativeInt | str] = []  # this and the next are not in the settings of older runs
    num_train: PositiveInt | None = None


class Optimizer(BaseModel):
    model_config = ConfigDict(extra="allow")
    lr: PositiveFloat = 1.0


class Trainer(BaseModel):
    model_config = ConfigDict(extra="allow")
    max_epochs: PositiveInt
    # Not Lightning's 16-true and bf16-true: weights in half precision cannot follow small steps of a density.
    precision: Literal["32-true", "64-true", "bf16-mixed", "16-mixed"] = "32-true"
    log_every_n_steps: PositiveInt = 50
    accumulate_grad_batches: PositiveInt = 1


class TopLevel(BaseModel):
    """The keys of `conf/train.yaml`."""

    model_config = ConfigDict(extra="forbid")
    latent_dim: Size
    seed: Seed
    compile: bool
    epochs_scale: PositiveFloat = 1.0  # not in the settings of older runs
    resume: str | None
    overwrite: bool = False  # this and the next two are not in the settings of older runs
    allow: list[str] = []
    allow_other_data: bool = False
    condition: Literal["label"] | None
    checkpoint_every_n_steps: PositiveInt
    nll_samples: Size
    choose_epoch_by: Literal["auto", "elbo", "objective", "nll", "last"] = "elbo"  # not in the settings of older runs
    data: Data
    corruption: dict[str, Any] | None
    model: dict[str, Any]
    initialization: dict[str, Any] | None = None  # this and the schedule are not in the settings of older runs
    posterior: dict[str, Any]
    prior: dict[str, Any]
    likelihood: dict[str, Any]
    objective: dict[str, Any]
    optimizer: Optimizer
    schedule: dict[str, Any] | None = None
    trainer: Trainer
    logger: dict[str, Any] | None
    callbacks: dict[str, Any]
