"""The exception for mistakes of a user, and helpers for its messages."""

from collections.abc import Iterable
from difflib import get_close_matches

from hydra.errors import CompactHydraException


class UserError(CompactHydraException):
    """A user's mistake: one line that names the value, the reason and the fix.

    Hydra prints a `CompactHydraException` without a traceback, and a multirun goes on with its next job.
    """


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
