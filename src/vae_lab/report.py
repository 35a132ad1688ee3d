"""`python -m vae_lab.report`: one table and the figures of a sweep, or of several sweeps and runs together."""

from pathlib import Path
from typing import TYPE_CHECKING

from vae_lab.configuration.command import refuse_multirun, run_command

if TYPE_CHECKING:
    from collections.abc import Sequence

    from omegaconf import DictConfig


def report(config: "DictConfig") -> None:
    """Read the runs, and write their report."""
    # Heavy modules are imported here, so that `--help` and shell completion are fast.
    from vae_lab.reports.report import destination, write_report

    folders = [Path(folder) for folder in names(config.sweep)]
    out = destination(folders) if config.out is None else Path(config.out)
    print(write_report(folders, out, rank_by=config.rank_by, metrics=names(config.metrics)))


def check(config: "DictConfig", hydra: "DictConfig", overrides: "Sequence[str]", *, multirun: bool) -> None:
    """Check that the configuration names a folder."""
    from omegaconf import OmegaConf

    from vae_lab.errors import UserError

    if OmegaConf.is_missing(config, "sweep"):
        raise UserError("sweep: it has no default; give the folder of a sweep or of a run with sweep=DIR")


def names(given: object) -> list[str]:
    """Return a list of names, from one name or a list."""
    from omegaconf import ListConfig

    return [str(name) for name in given] if isinstance(given, ListConfig) else [str(given)]


def main() -> None:
    """Run the command line."""
    run_command(report, "report", check, refuse_multirun, config_dir=Path(__file__).parent / "reports")


if __name__ == "__main__":
    main()
