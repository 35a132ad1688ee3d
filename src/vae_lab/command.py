"""What every command does around its own work: Hydra, with a user's mistakes told in one line."""

import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path

import hydra
from hydra import initialize_config_dir
from hydra._internal.utils import get_args_parser
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from vae_lab.configuration.paths import conf_dir
from vae_lab.errors import UserError


def run_command(function: Callable[[DictConfig], float], config_name: str) -> None:
    """Run a command on the configuration that the command line composes.

    A configuration that cannot work is refused before Hydra makes a folder for the run. In a multirun each job is
    checked as it starts, so that the others go on.
    """

    @wraps(function)
    def task(config: DictConfig) -> float:
        if HydraConfig.get().mode is RunMode.MULTIRUN:
            from vae_lab.configuration.check import check

            check(config)
            return function(config)
        try:
            return function(config)
        except UserError as error:
            sys.exit(str(error))

    try:
        sys.argv[1:] = checked_arguments(config_name)
    except UserError as error:
        sys.exit(str(error))
    hydra.main(version_base="1.3", config_path=str(conf_dir()), config_name=config_name)(task)()


def checked_arguments(config_name: str) -> list[str]:
    """The command line, found sound, and rewritten where it resumes a run."""
    arguments = get_args_parser().parse_args()
    asks_only = arguments.help or arguments.hydra_help or arguments.shell_completion
    if asks_only or arguments.config_path or arguments.config_name or arguments.experimental_rerun:
        return sys.argv[1:]
    # Not for `--help` and shell completion, which should answer at once.
    from vae_lab.configuration.overrides import compose_checked
    from vae_lab.configuration.resume import resume_arguments

    resumed = resume_arguments(arguments.overrides, multirun=arguments.multirun)
    if resumed is not None:
        return resumed
    overrides = list(arguments.overrides)
    if arguments.config_dir:
        if not Path(arguments.config_dir).is_dir():
            raise UserError(f"--config-dir={arguments.config_dir}: there is no such folder")
        overrides.append(f"hydra.searchpath=['file://{Path(arguments.config_dir).absolute()}']")
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        config = compose_checked(config_name, overrides)
    if not arguments.multirun and not arguments.cfg:
        from vae_lab.configuration.check import check

        check(config)
    return sys.argv[1:]
