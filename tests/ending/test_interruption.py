"""Signals to small processes: when each of them ends, and what it prints."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

START = """
import sys, time
from vae_lab.ending import interruption
interruption.handle_signals()
interruption.say("to go on: begin again")
"""

AT_ONCE = """
try:
    print("ready", flush=True)
    time.sleep(60)
except BaseException as error:
    print(error)  # an exception could pass through code that is not prepared for it
"""

UNWOUND = """
try:
    with interruption.unwinding():
        print("ready", flush=True)
        time.sleep(60)
finally:
    print("tidied up")
    interruption.tell()
"""

POSTPONED = """
with interruption.postponed():
    print("ready", flush=True)
    while interruption.received() is None:
        time.sleep(0.01)
    print("saved", flush=True)
"""

# Python runs no handler meanwhile, as in a process that waits for another one.
STUCK = """
import hashlib
interruption._this_process.grace = 0.5
with interruption.unwinding():
    print("ready", flush=True)
    hashlib.pbkdf2_hmac("sha256", b"", b"", 10**9)
"""

# Python prints and drops what is raised in a destructor.
LOST = """
class Slow:
    def __del__(self):
        print("ready", flush=True)
        time.sleep(60)

with interruption.unwinding():
    Slow()
    time.sleep(60)
"""

# A copy of a process, as libraries make it for work of their own, must not end the process that it is a copy of.
FORKED = """
import os, signal
interruption._this_process.grace = 0.5
if (copy := os.fork()) == 0:
    time.sleep(60)
time.sleep(0.2)
os.kill(copy, signal.SIGTERM)
assert os.waitpid(copy, 0)[1] == signal.SIGTERM
time.sleep(1)
print("ready", flush=True)
time.sleep(60)
"""


@contextmanager
def started(script: str) -> Iterator["subprocess.Popen[str]"]:
    """A process that has said that it is ready."""
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize(
    ("work", "printed"),
    [(AT_ONCE, ""), (UNWOUND, "tidied up\n"), (POSTPONED, "saved\n"), (STUCK, ""), (LOST, ""), (FORKED, "")],
    ids=["at once", "unwound", "postponed", "stuck", "lost", "forked"],
)
def test_a_process_ends_when_it_may(work: str, printed: str, number: signal.Signals) -> None:
    with started(START + work) as process:
        time.sleep(0.1)  # until it waits
        process.send_signal(number)
        out, err = process.communicate(timeout=10)
    assert process.returncode == 128 + number
    assert out == printed
    assert err == ("" if work is POSTPONED else "to go on: begin again\n")


def test_ctrl_c_again_does_not_wait() -> None:
    work = 'with interruption.postponed():\n    print("ready", flush=True)\n    while True:\n        time.sleep(1)'
    with started(START + work) as process:
        process.send_signal(signal.SIGINT)
        time.sleep(0.1)
        process.send_signal(signal.SIGINT)  # a shell and a launcher may both send one
        time.sleep(1.2)
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=5) == 130


PARENT = """
import os, subprocess, sys, time
child = "import time; from vae_lab.ending.parent import end_with; end_with({}); print('ready', flush=True); "
child += "time.sleep(60)"
subprocess.Popen([sys.executable, "-c", child.format(os.getpid())])
time.sleep(60)
"""


def test_a_process_ends_with_the_one_that_started_it() -> None:
    with started(PARENT) as parent:
        parent.kill()
        assert parent.communicate(timeout=5) == ("", ""), "the end of what both could write to"
