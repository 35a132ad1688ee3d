"""A process that is a command from its start: Ctrl-C and a closed pipe are no traceback while it imports, either."""

import signal
import sys


def handle_if_command() -> None:
    """Handle signals and closed pipes if this process was started as a command of this package, not by its import."""
    if not is_command(getattr(sys, "argv", []), sys.orig_argv):
        return
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # until the next lines are imported
    from vae_lab.ending.closed_pipe import end_with_reader
    from vae_lab.ending.interruption import handle_signals

    handle_signals()
    end_with_reader()


def is_command(arguments: list[str], original: list[str]) -> bool:
    """Return whether a command line is `python -m vae_lab.NAME` or `vae-lab-NAME`.

    Args:
        arguments: `sys.argv`; its first is `-m` while Python looks for the module of that option.
        original: `sys.orig_argv`, which has the options of Python too.

    >>> is_command(["-m", "-m"], ["python", "-m", "vae_lab.train", "-m"])
    True
    >>> is_command(["-m"], ["python", "-m", "pytest"])
    False
    >>> is_command(["/usr/bin/vae-lab-report"], ["/usr/bin/python", "/usr/bin/vae-lab-report"])
    True
    """
    if arguments[:1] == ["-m"]:
        return original[original.index("-m") + 1].startswith("vae_lab.")
    return bool(arguments) and arguments[0].replace("\\", "/").rpartition("/")[2].startswith("vae-lab-")
