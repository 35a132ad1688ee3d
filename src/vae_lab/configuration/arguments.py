"""The words of a command line, before Hydra reads them: what is no override is told with the one that was meant."""

import argparse
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from hydra._internal.utils import get_args_parser

from vae_lab.errors import UserError

# The key of the folder that each command works on, by the command's name.
FOLDER_KEYS = {"train": "resume", "evaluate": "run", "gradient_variance": "run", "report": "sweep"}


def parse_arguments(command: str, given: Sequence[str]) -> tuple[Namespace, list[str]]:
    """Parse the arguments of a command.

    Args:
        command: the name of the command.
        given: the arguments as they were given.

    Returns:
        The values of Hydra's options, and the arguments in an order that Hydra accepts.

    Raises:
        UserError: one line for an unknown option, and for what is no override.
    """
    accept_lazy_help()
    parser = get_args_parser()
    parser.error = refuse  # type: ignore[method-assign]
    arguments, rest = parser.parse_known_args(given)
    # argparse takes the overrides of one place only; those behind another option are left over.
    later = [word for word in rest if not word.startswith("-")]
    unknown = next((word for word in rest if word.startswith("-")), None)
    if unknown is not None:
        raise UserError(describe_option(unknown, [*arguments.overrides, *later]))
    arguments.overrides += later
    check_words(command, arguments.overrides)
    return arguments, in_one_place(given, arguments.overrides) if later else list(given)


def in_one_place(given: Sequence[str], overrides: Sequence[str]) -> list[str]:
    """Return arguments with all overrides before the options."""
    options = list(given)
    for override in overrides:
        options.remove(override)
    return [*overrides, *options]


def refuse(message: str) -> NoReturn:
    """Raise what argparse says about an option as one line."""
    raise UserError(f"{message}; --help lists the options")


def describe_option(option: str, words: Sequence[str]) -> str:
    """Return what is said about an option that does not exist."""
    name, equals, value = option.lstrip("-").partition("=")
    follows = "" if equals else next((word for word in words if "=" not in word), "")
    if option.startswith("--"):
        return f"{option}: keys are given without dashes; write {name}={value or follows or 'VALUE'}"
    return f"{option}: there is no such option; --help lists the options and keys"


def check_words(command: str, words: Sequence[str]) -> None:
    """Refuse words that are no overrides, with what may have been meant.

    Raises:
        UserError: one line with the word.
    """
    for before, word in zip(("", *words), words, strict=False):
        after = (*words, "")[words.index(word) + 1]
        key, value = {"=": (before, after)}.get(word, (before.rstrip("="), word.lstrip("=")))
        if word.startswith("=") or (before.endswith("=") and "=" not in word):
            raise UserError(f"{before} {word} {after}".rstrip() + f": leave out the spaces; write {key}={value}")
        if "=" not in word and Path(word).exists() and command in FOLDER_KEYS:
            raise UserError(f"{word}: expected KEY=VALUE; write {FOLDER_KEYS[command]}={word}")


def accept_lazy_help() -> None:
    """Let argparse accept a help text that is made when it is shown, as Hydra has one.

    Since Python 3.14 argparse checks the texts when they are added, and refuses what is no `str`. Earlier versions have
    no such check, and nothing is done.
    """
    check = getattr(ArgumentParser, "_check_help", None)
    if check is None or getattr(check, "accepts_lazy_help", False):
        return

    def check_text(self: ArgumentParser, action: argparse.Action) -> None:
        if isinstance(action.help, str):
            check(self, action)

    check_text.accepts_lazy_help = True  # type: ignore[attr-defined]
    ArgumentParser._check_help = check_text  # type: ignore[attr-defined]
