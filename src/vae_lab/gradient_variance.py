"""`python -m vae_lab.gradient_variance`: measure the variance of gradient estimators on a trained model."""

from typing import Annotated, Literal

from omegaconf import DictConfig
from pydantic import BaseModel, ConfigDict, Field

from vae_lab.configuration.check import typed
from vae_lab.configuration.command import Command
from vae_lab.configuration.options import AtLeastTwo, NonNegativeInt, PositiveInt
from vae_lab.configuration.schema import Seed
from vae_lab.errors import UserError
from vae_lab.runs.finished import check_finished

# The objectives whose gradient for q is an unbiased estimate of that of a bound.
Estimator = Literal[
    "score_function",
    "score_function_constant",
    "score_function_learned",
    "score_function_leave_one_out",
    "elbo_mc",
    "elbo",
    "stl",
    "vimco",
    "iwae",
    "dreg",
]


class Options(BaseModel):
    """The keys of `conf/gradient_variance.yaml`."""

    model_config = ConfigDict(extra="forbid")
    run: str
    estimators: Annotated[list[Estimator], Field(min_length=1)]
    split: Literal["test", "val", "train"]
    num_images: PositiveInt
    num_samples: AtLeastTwo
    num_pairs: AtLeastTwo
    fitting_batches: NonNegativeInt
    seed: Seed
    device: Literal["auto", "cpu", "gpu"]
    allow: list[str]
    allow_other_data: bool


def check(config: DictConfig) -> None:
    """Check types and ranges, and that the run has finished.

    Raises:
        UserError: one line with the key, its value, the reason and the way out.
    """
    check_options(config)
    check_finished(config.run, config.allow)


def check_options(config: DictConfig) -> None:
    """Check types and ranges.

    Raises:
        UserError: one line with the key, its value, the reason and the way out.
    """
    top = typed(config, Options)
    repeated = [name for name in top["estimators"] if top["estimators"].count(name) > 1]
    if repeated:
        raise UserError(f"estimators: {repeated[0]} is listed twice; name each once")


def run(config: DictConfig) -> None:
    """Compare the estimators that a configuration names, on the run that it names."""
    # Imports torch, so not before the configuration was checked.
    from vae_lab.evaluation.gradients.comparison import compare_estimators

    compare_estimators(config)


INTERRUPTED = "interrupted before anything was written; to begin again, repeat the command"
COMMAND = Command("gradient_variance", Options, check_options, check, run, INTERRUPTED)
main = COMMAND.main

if __name__ == "__main__":
    main()
