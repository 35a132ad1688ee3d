"""A progress bar for long computations."""

from tqdm import tqdm

# Seconds of work before a bar appears.
PATIENCE = 2.0


def progress(total: int, title: str) -> "tqdm[None]":
    """Return a progress bar on standard error, to be used as a context manager; it disappears when the work is done.

    Args:
        total: the number of steps.
        title: the label of the bar.
    """
    return tqdm(total=total, desc=title, delay=PATIENCE, leave=False, disable=None, unit="", unit_scale=True)
