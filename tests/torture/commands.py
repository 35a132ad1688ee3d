"""Start a command: in a process that is forked from a warm one, within a fraction of a second, or cold."""

import atexit
import os
import resource
import runpy
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from torture.processes import MARK, die_with_parent, kill_all, members

MODULES = Path(__file__).parents[1]


@dataclass(frozen=True)
class Command:
    """A command of vae_lab.

    Attributes:
        module: `python -m MODULE`.
        arguments: its arguments.
        cold: whether Python itself is started, which takes seconds.
        before: is called in the forked process before the command; to set a limit, or to count what it writes.
        environment: additional variables.
    """

    module: str
    arguments: tuple[str, ...]
    cold: bool = False
    before: Callable[[], None] | None = None
    environment: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return shlex.join(["python", "-m", self.module, *self.arguments])

    def adding(self, *arguments: str) -> "Command":
        """Return the command with additional arguments."""
        return replace(self, arguments=(*self.arguments, *arguments))


@dataclass
class Started:
    """A command that was started, and what it printed.

    Attributes:
        pid: its first process, which leads a session and a group of processes of its own.
        mark: what the environment of its processes holds.
        out: what it prints.
        err: what it prints as errors.
        code: its exit status, as soon as it is known; the negative number of a signal that killed it.
    """

    pid: int
    mark: str
    out: Path
    err: Path
    code: int | None = None

    def poll(self) -> int | None:
        """Return the exit status, or None while the first process runs."""
        if self.code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.code = os.waitstatus_to_exitcode(status)
        return self.code

    def wait(self, seconds: float) -> int | None:
        """Wait for the first process for some time, and return its exit status, or None if it still runs."""
        deadline = time.monotonic() + seconds
        while self.poll() is None and time.monotonic() < deadline:
            time.sleep(0.005)
        return self.code

    def wait_for_all(self, seconds: float) -> bool:
        """Wait until all processes have ended, and return whether they have."""
        deadline = time.monotonic() + seconds
        while self.wait(0) is None or members(self.pid, self.mark):
            if time.monotonic() > deadline:
                return False
            time.sleep(0.05)
        return True

    def members(self) -> list[int]:
        """Return the processes that have not ended, the first one first."""
        return members(self.pid, self.mark)

    def kill(self) -> None:
        """Kill all processes, as a power failure would."""
        kill_all(self.pid, self.mark)
        self.wait(10)

    @property
    def printed(self) -> str:
        """What it printed."""
        return read(self.out)

    @property
    def errors(self) -> str:
        """What it printed as errors."""
        return read(self.err)


def read(path: Path) -> str:
    """Read what a process printed; nothing if it was killed before it opened the file."""
    return path.read_text(errors="replace") if path.is_file() else ""


def start(command: Command, place: Path, name: str = "command") -> Started:
    """Start a command.

    Args:
        command: the command.
        place: its working directory; its temporary files and what it prints are written beside it.
        name: the name of the files of what it prints.
    """
    logs, temporary = place.with_name(f"{place.name}.logs"), place.with_name(f"{place.name}.tmp")
    for folder in (place, logs, temporary):
        folder.mkdir(parents=True, exist_ok=True)
    mark = str(place)
    out, err = logs / f"{name}.out", logs / f"{name}.err"
    environment = {**os.environ, MARK: mark, "TMPDIR": str(temporary), **command.environment}
    if command.cold:
        with out.open("wb") as output, err.open("wb") as errors:
            process = subprocess.Popen(
                [sys.executable, "-m", command.module, *command.arguments],
                cwd=place,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=errors,
                start_new_session=True,
                preexec_fn=partial(prepare, command.before),
            )
        process.returncode = 0  # nobody but `Started` waits for it
        return Started(process.pid, mark, out, err)
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid == 0:
        os._exit(forked(command, place, out, err, environment))
    while os.getsid(pid) != pid:  # until then a signal to the session would be one to ourselves
        time.sleep(0.0005)
    return Started(pid, mark, out, err)


def prepare(before: Callable[[], None] | None) -> None:
    """Do what is to be done in the process of a command before it begins."""
    die_with_parent()
    if before is not None:
        before()


def forked(command: Command, place: Path, out: Path, err: Path, environment: dict[str, str]) -> int:
    """Run a command in a process that was just forked, as Python itself would, and return its exit status."""
    os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    for number, file in ((0, os.devnull), (1, out), (2, err)):
        os.dup2(os.open(file, os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    os.chdir(place)
    os.environ.clear()
    os.environ.update(environment)
    sys.path[0] = str(place)
    sys.argv = [command.module, *command.arguments]
    sys.modules.pop(command.module, None)  # it is run as `__main__`
    try:
        prepare(command.before)
        runpy.run_module(command.module, run_name="__main__", alter_sys=True)
        code = 0
    except SystemExit as end:
        code = exit_status(end)
    except BaseException as error:
        sys.excepthook(type(error), error, error.__traceback__)
        code = 1
    with suppress(BaseException):
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
    with suppress(BaseException):
        sys.stdout.flush()
        sys.stderr.flush()
    return code


def exit_status(end: SystemExit) -> int:
    """Return the status of an exit, whose message is printed."""
    if end.code is None or isinstance(end.code, int):
        return (end.code or 0) & 0xFF
    print(end.code, file=sys.stderr)
    return 1


def limit_memory(more: int) -> None:
    """Limit the memory of this process to what it has, and some bytes more."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + more
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
