"""Several trials at once, each in a process that is forked from this one, which has imported all that is heavy."""

import json
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from torture.processes import die_with_parent
from torture.tally import Outcome


@dataclass(frozen=True)
class Trial:
    """Something that is done to the program.

    Attributes:
        name: "SECTION/KIND/NUMBER".
        run: does it, and fills in what came of it.
    """

    name: str
    run: Callable[[Outcome], None]


def run_all(trials: Sequence[Trial], num_workers: int) -> Iterator[Outcome]:
    """Run trials, several at once, and yield what came of each as soon as it has ended."""
    waiting, put = os.pipe()
    os.set_blocking(put, False)
    results, answer = os.pipe()
    os.write(put, b"".join(number.to_bytes(4, "big") for number in range(len(trials))))
    os.close(put)
    sys.stdout.flush()
    workers = []
    for _ in range(num_workers):
        pid = os.fork()
        if pid == 0:
            os.close(results)
            os._exit(work(trials, waiting, answer))
        workers.append(pid)
    os.close(answer)
    os.close(waiting)
    with os.fdopen(results, "rb") as lines:
        for line in lines:
            yield Outcome.from_json(json.loads(line))
    for pid in workers:
        os.waitpid(pid, 0)


def work(trials: Sequence[Trial], waiting: int, answer: int) -> int:
    """Run one trial after the other, and write what came of each as a line of JSON; return an exit status."""
    try:
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        die_with_parent(signal.SIGTERM)
        while number := os.read(waiting, 4):
            outcome = run_one(trials[int.from_bytes(number, "big")])
            os.write(answer, json.dumps(outcome.as_json()).encode() + b"\n")
    except KeyboardInterrupt:
        return 130
    return 0


def run_one(trial: Trial) -> Outcome:
    """Run a trial; a mistake of its own is told as what went wrong."""
    outcome = Outcome(trial.name)
    try:
        trial.run(outcome)
    except Exception as error:
        print(traceback.format_exc(), file=sys.stderr)
        outcome.fault("wrong", f"the trial itself failed: {type(error).__name__}: {error}")
    return outcome
