"""`python -m vae_lab.evaluate`: measure trained runs, and write the estimates into their folders."""

from pathlib import Path
from typing import Annotated, Any, Literal

from omegaconf import DictConfig
from pydantic import BaseModel, ConfigDict, Field

from vae_lab.configuration.check import check_part, typed
from vae_lab.configuration.command import Command
from vae_lab.configuration.options import PositiveInt
from vae_lab.configuration.schema import Seed
from vae_lab.errors import UserError
from vae_lab.runs.finished import check_finished


class Options(BaseModel):
    """The keys of `conf/evaluate.yaml`."""

    model_config = ConfigDict(extra="forbid")
    run: str | Annotated[list[str], Field(min_length=1)]
    split: Literal["test", "val", "train"]
    num_images: PositiveInt | None
    seed: Seed
    device: Literal["auto", "cpu", "gpu"]
    allow: list[str]
    allow_other_data: bool
    memory_mib: Annotated[int, Field(ge=256)]  # a block of any size fits into 256 MiB
    measure: Annotated[dict[str, Any], Field(min_length=1)]


def check(config: DictConfig) -> None:
    """Check types and ranges, the options of every measure, and that the runs have finished.

    Raises:
        UserError: one line with the key, its value, the reason and the way out.
    """
    check_options(config)
    folders = folders_of(config.run)
    for folder in folders:
        check_finished(folder, config.allow)
    if len({Path(folder).resolve() for folder in folders}) < len(folders):
        raise UserError(f"run=[{','.join(folders)}]: a run is listed twice; name each once")


def check_options(config: DictConfig) -> None:
    """Check types and ranges, and the options of every measure.

    Raises:
        UserError: one line with the key, its value, the reason and the way out.
    """
    for name, node in typed(config, Options)["measure"].items():
        if "_target_" not in node:
            raise UserError(
                f"measure.{name}: this measure is not selected; add {name} to measure=[...], or leave the key out"
            )
        check_part(f"measure.{name}", node, frozenset())


def folders_of(run: str | list[str]) -> list[str]:
    """Return the folders of one run or of several."""
    return [run] if isinstance(run, str) else list(run)


def run(config: DictConfig) -> None:
    """Measure the runs that a configuration names."""
    # Imports torch, so not before the configuration was checked.
    from vae_lab.evaluation.runs import evaluate_runs

    evaluate_runs(config, folders_of(config.run))


INTERRUPTED = (
    "interrupted; the measures that were complete are in each run's evaluation.json; for the others, repeat the command"
)
COMMAND = Command("evaluate", Options, check_options, check, run, INTERRUPTED)
main = COMMAND.main

if __name__ == "__main__":
    main()
