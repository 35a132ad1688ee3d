"""A bar on the terminal for work that takes a while."""

from tqdm import tqdm

# Seconds of work before a bar appears.
PATIENCE = 2.0


def progress(total: int, title: str) -> "tqdm[None]":
    """A bar on the standard error of a terminal, gone when the work is done; to be used as a context."""
    return tqdm(total=total, desc=title, delay=PATIENCE, leave=False, disable=None, unit="", unit_scale=True)
