"""`python -m vae_lab.train`: train a model, test one of its epochs, and write the results into its folder."""

from typing import TYPE_CHECKING

from vae_lab.configuration.command import run_command

if TYPE_CHECKING:
    from collections.abc import Sequence

    from omegaconf import DictConfig


def train(config: "DictConfig") -> float:
    """Train one configuration in Hydra's output folder, and return a validation metric, for sweepers."""
    # Heavy modules are imported here, so that `--help` and shell completion are fast.
    from pathlib import Path

    from hydra.core.hydra_config import HydraConfig
    from hydra.types import RunMode

    from vae_lab.runs.door import Entrance, enter
    from vae_lab.runs.folder import RunFolder
    from vae_lab.sweeps.job import run_job

    hydra = HydraConfig.get()
    if hydra.mode is RunMode.MULTIRUN:
        return run_job(config, run)
    entrance = Entrance.START if config.resume is None else Entrance.RESUME
    with enter(RunFolder(Path(hydra.runtime.output_dir)), config, entrance):
        return run(config)


def run(config: "DictConfig") -> float:
    """Train one configuration; heavy modules are imported here, after it was checked."""
    from vae_lab.configuration.compiler import check_compiler
    from vae_lab.configuration.costs import check_trainer_costs

    check_compiler(compiled=config.compile)
    check_trainer_costs(config.trainer)  # also of a job that runs on another machine than its sweep was started on
    from vae_lab.training.experiment import run_experiment

    return run_experiment(config)


def check(config: "DictConfig", hydra: "DictConfig", overrides: "Sequence[str]", *, multirun: bool) -> None:
    """Check a configuration, or those of all jobs of a sweep, without importing torch."""
    from pathlib import Path

    from vae_lab.configuration.check import check_new
    from vae_lab.configuration.compiler import check_compiler
    from vae_lab.configuration.costs import check_trainer_costs
    from vae_lab.configuration.processes import check_shared_folder
    from vae_lab.runs.door import Entrance, knock
    from vae_lab.runs.folder import RunFolder
    from vae_lab.sweeps.jobs import check_sweep

    check_shared_folder(overrides, multirun=multirun)
    if multirun:
        check_sweep("train", hydra, overrides)
    else:
        check_new(config)
        check_compiler(compiled=config.compile)
        check_trainer_costs(config.trainer)
        knock(RunFolder(Path(hydra.run.dir)), config, Entrance.START)


def resume(arguments: "Sequence[str]", *, multirun: bool) -> list[str] | None:
    """Return the command line that resumes a run, or None if no run is to be resumed."""
    from vae_lab.runs.resume import resume_arguments
    from vae_lab.sweeps.plugins import check_plugins

    resumed = resume_arguments(arguments, multirun=multirun)
    if resumed is None:
        check_plugins(arguments)
    return resumed


def main() -> None:
    """Run the command line."""
    run_command(train, config_name="train", check=check, rewrite=resume)


if __name__ == "__main__":
    main()
