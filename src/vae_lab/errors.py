"""The exception for mistakes of a user, and helpers for its messages and for other text on the terminal."""

import errno
import logging
from collections.abc import Iterable
from difflib import get_close_matches
from types import TracebackType

from hydra.errors import CompactHydraException


class UserError(CompactHydraException):
    """A user's mistake: one line that names the value, the reason and the fix.

    Hydra prints a `CompactHydraException` without a traceback, and a multirun goes on with its next job. Whatever is in
    the value, the message stays one line of text.
    """

    def __str__(self) -> str:
        return printable(super().__str__())


def printable(text: str, *, lines: bool = False) -> str:
    r"""Return text as a terminal may show it: what would move its cursor, colour it or turn its direction is visible.

    Names of files and values of a configuration may hold any character. What is printable stays as it is, so text that
    is printable already does not change.

    Args:
        text: the text.
        lines: whether it may have several lines; if not, its line breaks become visible too.

    >>> printable("a\x1b[2Jb\nc"), printable("±0.5 µs")
    ('a\\x1b[2Jb\\nc', '±0.5 µs')
    """
    kept = "\t\n" if lines else "\t"
    return "".join(
        char if char.isprintable() or char in kept else char.encode("unicode_escape").decode() for char in text
    )


class LogFormatter(logging.Formatter):
    """Writes each message of vae_lab in one line, whatever names are in it; other text keeps its line breaks."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the name of the overridden method
        own = record.name.partition(".")[0] in ("vae_lab", "hydra_plugins")
        return printable(super().formatMessage(record), lines=not own)

    def formatException(  # noqa: N802 - the name of the overridden method
        self,
        ei: tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None],
    ) -> str:
        return printable(super().formatException(ei), lines=True)


def explain_os_error(error: OSError) -> str:
    """Return an error of the system as one line: the path, the reason and the way out.

    >>> import errno
    >>> explain_os_error(OSError(errno.ENOSPC, "No space left on device", "outputs/metrics.json"))
    'outputs/metrics.json: no space left on device; free some, and repeat the command'
    """
    where = error.filename if error.filename is not None else "a file"
    reason = (error.strerror or str(error) or type(error).__name__).lower()
    ways_out = {
        errno.ENOSPC: "free some, and repeat the command",
        errno.EDQUOT: "free some, and repeat the command",
        errno.EROFS: "choose a folder that can be written to",
        errno.EACCES: "choose a folder that you may use",
        errno.EPERM: "choose a folder that you may use",
    }
    return printable(f"{where}: {reason}; {ways_out.get(error.errno or 0, 'see to it, and repeat the command')}")


def nearest(name: str, choices: Iterable[str]) -> str:
    """Return a hint for a message about an unknown `name`: the most similar of `choices`, else all of them.

    Args:
        name: the unknown name.
        choices: the known names.

    >>> nearest("bernouli", ["bernoulli", "gaussian"])
    "did you mean 'bernoulli'?"
    >>> nearest("MNIST", ["emnist", "mnist"])
    "did you mean 'mnist'?"
    >>> nearest("x", ["bernoulli", "gaussian"])
    'choose one of bernoulli, gaussian'
    """
    known = sorted(set(choices))
    same = [choice for choice in known if choice.lower() == name.lower()]
    matches = same or get_close_matches(name, known, n=1, cutoff=0.6)
    if matches:
        return f"did you mean '{matches[0]}'?"
    return f"choose one of {', '.join(known)}" if known else "it takes none"


def show(value: object) -> str:
    """Return a value as the command line writes it.

    >>> show(None), show(True), show(0.5)
    ('null', 'true', '0.5')
    """
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value)
