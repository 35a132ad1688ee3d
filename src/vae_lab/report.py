"""`python -m vae_lab.report`: one table and the figures of a sweep, or of several sweeps and runs together."""

from pathlib import Path
from typing import Annotated

from omegaconf import DictConfig, ListConfig
from pydantic import BaseModel, ConfigDict, Field

from vae_lab.configuration.check import typed
from vae_lab.configuration.command import Command


class Options(BaseModel):
    """The keys of `reports/report.yaml`."""

    model_config = ConfigDict(extra="forbid")
    sweep: str | Annotated[list[str], Field(min_length=1)]
    rank_by: str
    metrics: str | Annotated[list[str], Field(min_length=1)]
    out: str | None


def check(config: DictConfig) -> None:
    """Check types, and that the configuration names a folder.

    Raises:
        UserError: one line with the key, its value, the reason and the way out.
    """
    typed(config, Options)


def run(config: DictConfig) -> None:
    """Read the runs, and write their report."""
    # Not for `--help` and shell completion, which should answer at once.
    from vae_lab.reports.report import destination, write_report

    folders = [Path(folder) for folder in as_list(config.sweep)]
    out = destination(folders) if config.out is None else Path(config.out)
    print(write_report(folders, out, rank_by=config.rank_by, metrics=as_list(config.metrics)))


def as_list(given: str | ListConfig) -> list[str]:
    """Return a list of names, from one name or a list."""
    return [given] if isinstance(given, str) else [str(name) for name in given]


INTERRUPTED = "interrupted; to write the report, repeat the command"
COMMAND = Command("report", Options, check, check, run, INTERRUPTED, config_dir=Path(__file__).parent / "reports")
main = COMMAND.main

if __name__ == "__main__":
    main()
