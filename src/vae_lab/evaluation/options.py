"""Check the configuration of an evaluation, and that its runs have finished."""

from pathlib import Path
from typing import Annotated, Any, Literal

from omegaconf import DictConfig
from pydantic import BaseModel, ConfigDict, Field

from vae_lab.configuration.check import check_part, typed
from vae_lab.configuration.options import PositiveInt
from vae_lab.configuration.schema import Seed
from vae_lab.errors import UserError
from vae_lab.runs.folder import RunFolder


class Evaluation(BaseModel):
    """The keys of `conf/evaluate.yaml`."""

    model_config = ConfigDict(extra="forbid")
    run: str | Annotated[list[str], Field(min_length=1)]
    split: Literal["test", "val", "train"]
    num_images: PositiveInt | None
    seed: Seed
    device: Literal["auto", "cpu", "gpu"]
    memory_mib: Annotated[int, Field(ge=256)]  # a block of any size fits into 256 MiB
    measure: Annotated[dict[str, Any], Field(min_length=1)]


def check_evaluation(config: DictConfig) -> None:
    """Check types and ranges, the options of every measure, and that the runs have finished.

    Raises:
        UserError: one line with the key, its value, the reason and the way out.
    """
    check_measures(config)
    folders = runs(config.run)
    for folder in folders:
        check_run(folder)
    if len({Path(folder).resolve() for folder in folders}) < len(folders):
        raise UserError(f"run=[{','.join(folders)}]: a run is listed twice; name each once")


def check_measures(config: DictConfig) -> None:
    """Check types and ranges, and the options of every measure.

    Raises:
        UserError: one line with the key, its value, the reason and the way out.
    """
    for name, node in typed(config, Evaluation)["measure"].items():
        if "_target_" not in node:
            raise UserError(
                f"measure.{name}: this measure is not selected; add {name} to measure=[...], or leave the key out"
            )
        check_part(f"measure.{name}", node, frozenset())


def runs(run: str | list[str]) -> list[str]:
    """Return the folders of one run or of several."""
    return [run] if isinstance(run, str) else list(run)


def check_run(folder: str) -> None:
    """Refuse a folder without a finished run.

    Raises:
        UserError: one line with what is missing.
    """
    run = RunFolder(Path(folder))
    if not run.path.is_dir():
        raise UserError(f"run={folder}: there is no such folder; name that of a finished run")
    if not run.config.is_file():
        raise UserError(
            f"run={folder}: there is no run in this folder (no .hydra/config.yaml); name one that vae_lab.train wrote, "
            "such as outputs/runs/<date>/<time>"
        )
    if not run.metrics.is_file():
        raise UserError(
            f"run={folder}: this run did not finish (no metrics.json); "
            f"go on with it: python -m vae_lab.train resume={folder}"
        )
    if not run.best_checkpoint.is_file():
        raise UserError(f"run={folder}: its trained model is missing (no checkpoints/best.ckpt); train it again")
