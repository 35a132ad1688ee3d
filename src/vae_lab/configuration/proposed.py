"""Commands that messages propose: a person copies them into a shell, whatever the name of a folder is.

A folder may be called `$(rm -r ~)`, or hold spaces, commas and line breaks; the shell and Hydra must read its name.
"""

import os
import re
import shlex
from pathlib import Path

from hydra.core.override_parser.types import Quote, QuotedString

# What Hydra reads as text without quotes: a name, or a path, but not what looks like a number or a keyword.
PLAIN = re.compile(r"(?=.*/)[\w./-]+|(?!(?:null|true|false|nan|inf)$)[A-Za-z_][\w.-]*", re.ASCII | re.IGNORECASE)


def command(*words: str) -> str:
    r"""Return the words of a command line as a shell reads them, in one line of printable text.

    >>> command("python", "-m", "vae_lab.train", override("resume", "outputs/a $(b)"))
    'python -m vae_lab.train \'resume="outputs/a $(b)"\''
    """
    return " ".join(map(shell_word, words))


def resume(run_dir: Path, *overrides: str) -> str:
    """Return the command that goes on with a run.

    >>> resume(Path("outputs/runs/1"), "optimizer.lr=0.1")
    'python -m vae_lab.train resume=outputs/runs/1 optimizer.lr=0.1'
    """
    return command("python", "-m", "vae_lab.train", override("resume", str(run_dir)), *overrides)


def override(key: str, value: str) -> str:
    """Return an override that gives a key a text, whatever characters are in it.

    >>> override("resume", "outputs/runs/1"), override("resume", "a,b"), override("resume", "1")
    ('resume=outputs/runs/1', 'resume="a,b"', 'resume="1"')
    """
    if PLAIN.fullmatch(value):
        return f"{key}={value}"
    return f"{key}={QuotedString(text=value, quote=Quote.double).with_quotes()}"


def shell_word(word: str) -> str:
    r"""Return a word as a shell reads it; one that no terminal can show, in the escapes of bash, zsh and ksh.

    >>> shell_word("a\x1b[2J")
    "$'a\\x1b[2J'"
    """
    if word.isprintable():
        return shlex.quote(word)
    shown = (char if char.isprintable() and char not in "'\\" else as_bytes(char) for char in word)
    return f"$'{''.join(shown)}'"


def as_bytes(char: str) -> str:
    """Return the escapes of the bytes that stand for a character in the name of a file."""
    return "".join(f"\\x{byte:02x}" for byte in os.fsencode(char))
