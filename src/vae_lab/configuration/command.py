"""Run a command under Hydra: check its command line first, and report a user's mistakes in one line."""

import logging
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import hydra
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.object_type import ObjectType
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from vae_lab.configuration import own_parts
from vae_lab.configuration.arguments import parse_arguments
from vae_lab.configuration.hydra_errors import report_mistakes_in_one_line
from vae_lab.configuration.memory_errors import explain_memory_error
from vae_lab.configuration.paths import conf_dir
from vae_lab.configuration.processes import is_first
from vae_lab.ending import interruption
from vae_lab.ending.parent import end_with_named_parent
from vae_lab.errors import UserError, explain_os_error

if TYPE_CHECKING:
    from pydantic import BaseModel


class Check(Protocol):
    """Raise a UserError for a command line that cannot work; import what that takes only when called.

    In a sweep, `config` has the first value of everything that is swept.
    """

    def __call__(self, config: DictConfig, hydra: DictConfig, overrides: Sequence[str], *, multirun: bool) -> None: ...


class Rewrite(Protocol):
    """Return the command line that takes the place of the given one, or None to keep it."""

    def __call__(self, arguments: Sequence[str], *, multirun: bool) -> list[str] | None: ...


@dataclass(frozen=True)
class Command:
    """A command without sweeps: all that it takes is this in a module of its own, and a YAML with its defaults.

    Attributes:
        name: `python -m vae_lab.NAME`, and the name of its YAML.
        options: the types and ranges of its keys.
        check_options: refuses keys and values, whatever the folders are that they name.
        check: refuses a configuration that cannot work, before anything heavy is imported.
        run: the work.
        interrupted: what a person is told whose signal ends the work.
        config_dir: the folder of its YAML, if not `conf/`.
    """

    name: str
    options: type["BaseModel"]
    check_options: Callable[[DictConfig], None]
    check: Callable[[DictConfig], None]
    run: Callable[[DictConfig], None]
    interrupted: str
    config_dir: Path | None = None

    def main(self) -> None:
        """Run the command line."""

        def check(config: DictConfig, hydra: DictConfig, overrides: Sequence[str], *, multirun: bool) -> None:
            self.check(config)

        def run(config: DictConfig) -> None:
            interruption.say(self.interrupted)
            self.run(config)

        run_command(run, self.name, check, refuse_multirun, self.config_dir)


def run_command(
    function: Callable[[DictConfig], Any],
    config_name: str,
    check: Check,
    rewrite: Rewrite,
    config_dir: Path | None = None,
) -> None:
    """Run a command on the configuration that the command line composes.

    A configuration that cannot work is refused before Hydra makes a folder for the run.

    Args:
        function: the command's own work.
        config_name: the YAML of its defaults.
        check: what refuses a configuration, before anything is made.
        rewrite: what may replace the overrides before they are checked.
        config_dir: where that YAML lies, if not in `conf/`.
    """

    @wraps(function)
    def task(config: DictConfig) -> Any:
        sys.argv[1:] = given  # which Lightning repeats for further processes of a run
        interruption.handle_signals()  # here too, since launchers run this in other processes
        end_with_named_parent(can_save=is_first())
        logging.getLogger("matplotlib.font_manager").setLevel(logging.WARNING)  # it tells that it found the fonts
        try:
            with interruption.unwinding():
                return function(config)
        except Exception as error:
            interruption.raise_if_received()
            line = explained(error)
            if line is not None and HydraConfig.get().mode is not RunMode.MULTIRUN:
                sys.exit(line)
            if line is not None:
                raise UserError(line) from error  # which Hydra prints without a traceback
            raise

    interruption.handle_signals()
    if is_first():
        interruption.say("interrupted before anything was written; to begin again, repeat the command")
    end_with_named_parent(can_save=is_first())
    folder, given = config_dir or conf_dir(), sys.argv[1:]
    report_mistakes_in_one_line()
    try:
        sys.argv[1:] = checked_arguments(config_name, folder, check, rewrite)
    except (UserError, OSError) as error:
        sys.exit(explained(error))
    try:
        hydra.main(version_base="1.3", config_path=str(folder), config_name=config_name)(task)()
    except interruption.Interrupted:
        interruption.tell()
        raise


def explained(error: Exception) -> str | None:
    """Return an error as one line if it is a mistake of the user or of the system, else None."""
    if isinstance(error, UserError):
        return str(error)
    return explain_os_error(error) if isinstance(error, OSError) else explain_memory_error(error)


def checked_arguments(config_name: str, config_dir: Path, check: Check, rewrite: Rewrite) -> list[str]:
    """Return the command line after its check, rewritten where the command does that."""
    arguments, given = parse_arguments(config_name, sys.argv[1:])
    asks_only = arguments.help or arguments.hydra_help or arguments.shell_completion
    if arguments.experimental_rerun:
        # It reads a pickle, which may be a stranger's and run any code.
        raise UserError("--experimental-rerun: this command does not read Hydra's pickles; use resume=DIR")
    if arguments.config_path:
        raise UserError(
            f"--config-path={arguments.config_path}: the defaults of a command are vae_lab's own; add a folder of your "
            "own files with --config-dir=DIR"
        )
    if asks_only:
        return given
    # Not for `--help` and shell completion, which should answer at once.
    from vae_lab.configuration.overrides import compose_with_hydra, refuse_sweep, without_hydra

    rewritten = rewrite(arguments.overrides, multirun=arguments.multirun)
    if rewritten is not None:
        return rewritten
    overrides = list(arguments.overrides)
    if arguments.config_dir:
        if not Path(arguments.config_dir).is_dir():
            raise UserError(f"--config-dir={arguments.config_dir}: there is no such folder")
        overrides.append(f"hydra.searchpath=['file://{Path(arguments.config_dir).absolute()}']")
    with initialize_config_dir(str(config_dir), version_base="1.3"):
        if arguments.config_name:
            check_config_name(arguments.config_name)
        config = compose_with_hydra(arguments.config_name or config_name, overrides)
        use_own_parts(config)
        multirun = arguments.multirun or config.hydra.mode is RunMode.MULTIRUN
        if not multirun:
            refuse_sweep(config_name, overrides)
        if not arguments.cfg:
            check(without_hydra(config), config.hydra, overrides, multirun=multirun)
    return given


def check_config_name(name: str) -> None:
    """Refuse a name that no YAML of the configuration has.

    Raises:
        UserError: one line with the name.
    """
    known = GlobalHydra.instance().config_loader().get_group_options("", results_filter=ObjectType.CONFIG)
    if name.removesuffix(".yaml") not in known:
        raise UserError(f"--config-name={name}: there is no such configuration; leave it out")


def use_own_parts(config: DictConfig) -> None:
    """Let this process import the classes that a command's own configuration names, Hydra's callbacks among them."""
    own = OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"])
    hydra = OmegaConf.masked_copy(config.hydra, ["callbacks", "launcher", "sweeper"])
    for node in (own, hydra):
        own_parts.use(OmegaConf.to_container(node, resolve=False))


def refuse_multirun(arguments: Sequence[str], *, multirun: bool) -> None:
    """Refuse `-m` for a command that has no sweeps.

    Raises:
        UserError: one line with the other ways.
    """
    if multirun:
        raise UserError("-m: this command has no sweeps; leave out -m (several folders are given as [DIR,DIR])")
