"""What a process does when a signal tells it to end.

A command ends *at once* while it reads its configuration and imports: nothing is written then, and an exception would
pass through code that is not prepared for it. Its work is *unwound* by an exception, `Interrupted`. Training
*postpones* the end to the next moment at which its state can be saved. However long that takes, the process ends after
a grace time, which a thread of its own sees to, since a process that waits for another one runs no handler.
"""

import _thread
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import Enum
from signal import SIGINT, SIGTERM, Signals
from types import FrameType

# Windows has neither SIGHUP, which closing a terminal sends, nor SIGPIPE.
HANDLED = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
SIGPIPE = getattr(signal, "SIGPIPE", SIGTERM)

GRACE = 20.0  # seconds; a scheduler kills 30 s after its first signal
GRACE_OF_PARENTS = 25.0  # which wait for their children to end


class Interrupted(SystemExit):
    """Ends a command after a signal, with 128 + the signal as its status, as a shell would give it.

    Args:
        number: the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(128 + number)
        self.signal = Signals(number)

    def __reduce__(self) -> tuple[type["Interrupted"], tuple[int]]:
        return Interrupted, (int(self.signal),)


class When(Enum):
    """When a process ends that has received a signal."""

    AT_ONCE = "at once"
    UNWOUND = "as soon as an exception has unwound its work"
    POSTPONED = "when its work asks whether to end"


class Interruption:
    """What this process knows of its end.

    Attributes:
        received: the first signal that told it to end, or None.
        since: when that was.
        when: when a signal takes effect.
        grace: seconds until it ends in any case.
        line: what a person is told when it ends; empty if another process tells it.
        is_read: whether somebody reads its output.
    """

    def __init__(self) -> None:
        self.received: Signals | None = None
        self.since = 0.0
        self.when = When.AT_ONCE
        self.grace = GRACE
        self.line = ""
        self.is_read = True
        self.is_handled = False

    def handle(self, number: int, frame: FrameType | None = None) -> None:
        """Handle a signal. Only a person who presses Ctrl-C again makes a process end faster."""
        if self.received is not None:
            if number == SIGINT and time.monotonic() - self.since > 1:
                self.end_now(number)
            return
        self.received, self.since = Signals(number if self.is_read else SIGPIPE), time.monotonic()
        if self.when is When.AT_ONCE:
            self.line = self.line if self.is_read else ""  # `--help | head`
            self.end_now(number)
        elif self.when is When.UNWOUND:
            raise Interrupted(self.received)

    def end_now(self, number: int) -> None:
        """End this process without unwinding it.

        Args:
            number: the signal that told it to end; a process that waits for another one has not handled it.
        """
        with suppress(Exception):  # it may have been interrupted inside of a write
            sys.stdout.flush()
        self.tell()
        os._exit(128 + (self.received or number))

    def tell(self) -> None:
        """Print the line for a person, once."""
        line, self.line = self.line, ""
        if line:
            with suppress(OSError):
                os.write(2, f"{line}\n".encode())

    def end_after_grace(self, woken: int) -> None:
        """Wait for a signal, and end the process a grace time later; runs in a thread of its own."""
        while (number := os.read(woken, 1)[0]) not in HANDLED:
            pass
        since = time.monotonic()
        while (left := since + self.grace - time.monotonic()) > 0:
            time.sleep(min(left, 1))
        self.end_now(number)


_this_process = Interruption()


def handle_signals() -> None:
    """Let this module handle the signals that tell this process to end, except for those that it was told to ignore."""
    if _this_process.is_handled or threading.current_thread() is not threading.main_thread():
        return
    _this_process.is_handled = True
    for number in HANDLED:
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup, and what a script starts in the background
            signal.signal(number, _this_process.handle)
    woken, wakes = os.pipe()
    os.set_blocking(wakes, False)
    signal.set_wakeup_fd(wakes, warn_on_full_buffer=False)
    threading.Thread(target=_this_process.end_after_grace, args=[woken], daemon=True, name="grace").start()
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_leave_to_system)
    _catch_lost()


def _leave_to_system() -> None:
    """A copy of this process, which a library made for work of its own, is ended by the system."""
    signal.set_wakeup_fd(-1)
    for number in HANDLED:
        if signal.getsignal(number) == _this_process.handle:
            signal.signal(number, signal.SIG_DFL)


def _catch_lost() -> None:
    """End where Python drops the exception, as it does in a destructor and in the callback of a library in C."""
    others = sys.unraisablehook

    def hook(lost: "sys.UnraisableHookArgs") -> None:
        if isinstance(lost.exc_value, Interrupted):
            _this_process.end_now(lost.exc_value.signal)
        others(lost)

    sys.unraisablehook = hook


def received() -> Signals | None:
    """Return the signal that told this process to end, or None."""
    return _this_process.received


def raise_if_received() -> None:
    """End the work if a signal told this process to; an error that followed from the signal is not told as an error.

    Raises:
        Interrupted: if there was a signal.
    """
    if _this_process.received is not None:
        raise Interrupted(_this_process.received)


def say(line: str) -> None:
    """Say in one line how to go on, if a signal ends this process from now on; see `tell`."""
    _this_process.line = line


def tell() -> None:
    """Print that line, once."""
    _this_process.tell()


def nobody_reads() -> None:
    """End this process as soon as it may end, since nobody reads its output any more; called from any thread."""
    if _this_process.is_handled:
        _this_process.is_read = False
        _thread.interrupt_main(SIGTERM)


def wait_for_children() -> None:
    """Give this process more time than its children to end."""
    _this_process.grace = GRACE_OF_PARENTS


@contextmanager
def unwinding() -> Iterator[None]:
    """Inside, a signal raises `Interrupted`."""
    with _effective(When.UNWOUND):
        raise_if_received()
        yield


@contextmanager
def postponed() -> Iterator[None]:
    """Inside, a signal is noted only, for work that asks `received` at moments when it can end.

    Raises:
        Interrupted: at the end, if there was a signal and the work did not ask.
    """
    with _effective(When.POSTPONED):
        yield
    raise_if_received()


@contextmanager
def _effective(when: When) -> Iterator[None]:
    before, _this_process.when = _this_process.when, when
    try:
        yield
    finally:
        _this_process.when = before
