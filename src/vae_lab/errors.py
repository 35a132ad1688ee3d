"""The exception for mistakes of a user, and helpers for its messages."""

import errno
from collections.abc import Iterable
from difflib import get_close_matches

from hydra.errors import CompactHydraException


class UserError(CompactHydraException):
    """A user's mistake: one line that names the value, the reason and the fix.

    Hydra prints a `CompactHydraException` without a traceback, and a multirun goes on with its next job.
    """


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
    return f"{where}: {reason}; {ways_out.get(error.errno or 0, 'see to it, and repeat the command')}"


def nearest(name: str, choices: Iterable[str]) -> str:
    """Return a hint for a message about an unknown `name`: the most similar of `choices`, else all of them.

    Args:
        name: the unknown name.
        choices: the known names.

    >>> nearest("bernouli", ["bernoulli", "gaussian"])
    "did you mean 'bernoulli'?"
    >>> nearest("x", ["bernoulli", "gaussian"])
    'choose one of bernoulli, gaussian'
    """
    known = sorted(set(choices))
    matches = get_close_matches(name, known, n=1, cutoff=0.6)
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
