"""A command whose output nobody reads any more (`| head`) ends, as other commands of a shell do, without a traceback.

The signal SIGPIPE itself is ignored, as Python does: it would also end a process that writes to another one.
"""

import io
import os
import stat
import sys
from collections.abc import Callable

from vae_lab.ending.interruption import nobody_reads


class PipeOutput(io.FileIO):
    """Standard output or standard error as a pipe.

    Args:
        number: the number of the open file.
        when_unread: called when the pipe's reader is gone; what is written from then on is dropped.
    """

    def __init__(self, number: int, when_unread: Callable[[], None]) -> None:
        super().__init__(number, "w", closefd=False)
        self.when_unread = when_unread

    def write(self, content: bytes) -> int:  # type: ignore[override]
        try:
            return super().write(content)
        except BrokenPipeError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.fileno())
            os.close(nowhere)
            self.when_unread()
            return len(content)


def end_with_reader() -> None:
    """End this process when nobody reads its output any more, if that is a pipe."""
    _replace_pipes(nobody_reads)


def outlive_reader() -> None:
    """Let this process go on when nobody reads its output any more; another process decides whether it ends."""
    _replace_pipes(lambda: None)


def _replace_pipes(when_unread: Callable[[], None]) -> None:
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if isinstance(stream, io.TextIOWrapper) and _is_pipe(stream):
            output = io.BufferedWriter(PipeOutput(stream.fileno(), when_unread))  # type: ignore[type-var]
            wrapped = io.TextIOWrapper(output, stream.encoding, stream.errors, line_buffering=stream.line_buffering)
            setattr(sys, name, wrapped)


def _is_pipe(stream: io.TextIOWrapper) -> bool:
    """Return whether a stream is a pipe that was not replaced before."""
    raw = getattr(stream.buffer, "raw", None)
    return not isinstance(raw, PipeOutput) and stat.S_ISFIFO(os.fstat(stream.fileno()).st_mode)
