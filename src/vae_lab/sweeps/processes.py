"""Processes that run the jobs of a sweep, one at a time each; one that is killed is replaced."""

import multiprocessing
import os
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from signal import SIGTERM
from typing import Any, TypeVar

from joblib.externals.loky.process_executor import BrokenProcessPool, ProcessPoolExecutor

from vae_lab.ending import interruption
from vae_lab.ending.closed_pipe import outlive_reader
from vae_lab.ending.parent import end_with, has_ended, is_alive

THREADS = "OMP_NUM_THREADS"
PATIENCE = 1.0  # seconds between the end of a process by a signal and that signal here, if both got it
T = TypeVar("T")

# Called with the number of a job whose process has ended, and how it ended; returns what takes the place of its result.
Lost = Callable[[int, str], T]


class Processes:
    """Processes that run one job at a time each; a process starts with its first job.

    The CPU's cores are divided among them, unless OMP_NUM_THREADS is set.

    Args:
        environments: the environment variables of each process, beside those of this one.
    """

    def __init__(self, environments: Sequence[Mapping[str, str]]) -> None:
        # When this process is killed, a process of loky removes its semaphores, and warns that they were left.
        unwarned = ["ignore:resource_tracker:UserWarning", os.environ.get("PYTHONWARNINGS", "")]
        os.environ["PYTHONWARNINGS"] = ",".join(filter(None, unwarned))
        threads = os.environ.get(THREADS, str(max(1, (os.cpu_count() or 1) // len(environments))))
        self.workers = [Worker({THREADS: threads, **environment}) for environment in environments]

    def __len__(self) -> int:
        return len(self.workers)

    def run(self, jobs: Sequence[Callable[[], T]], lost: Lost[T]) -> list[T]:
        """Run jobs, each in the first free process, and return their results in order.

        Args:
            jobs: the jobs.
            lost: called for a job whose process was killed; the process is replaced, and the other jobs are run.

        Raises:
            Exception: the error of a job, after the others have run the remaining jobs.
            Interrupted: if a signal tells this process to end, after its processes have ended.
        """
        pending = deque(enumerate(jobs))
        returned: dict[int, T] = {}

        def feed(worker: Worker) -> None:
            while True:
                try:
                    number, job = pending.popleft()
                except IndexError:
                    return
                try:
                    returned[number] = worker.run(job)
                except WorkerEnded as how:
                    time.sleep(PATIENCE)
                    if interruption.received() is not None:
                        return
                    returned[number] = lost(number, str(how))

        feeders = ThreadPoolExecutor(len(self.workers))
        futures: list[Future[None]] = []
        try:
            with interruption.unwinding():
                futures += [feeders.submit(feed, worker) for worker in self.workers]
                wait(futures)
        except interruption.Interrupted:
            pending.clear()
            self.end(futures)
            raise
        feeders.shutdown()
        for future in futures:
            future.result()
        return [returned[number] for number in range(len(jobs))]

    def end(self, running: Sequence[Future[None]]) -> None:
        """End all processes: those that train save their state, and have the grace time for it."""
        interruption.wait_for_children()
        for worker in self.workers:
            worker.terminate()
        wait(running, timeout=interruption.GRACE + 2 * PATIENCE)
        for worker in self.workers:
            worker.kill()


class WorkerEnded(Exception):  # noqa: N818 - its message says how
    """A process has ended before its job; the message is how, as the end of a sentence."""


class Worker:
    """A process for one job after the other; it is started again after it was killed.

    Args:
        environment: environment variables, beside those of this process.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.environment = dict(environment)
        self.executor: Any = None
        self.process: Any = None

    def run(self, job: Callable[[], T]) -> T:
        """Run a job in the process, and return its result.

        Raises:
            Exception: the error of the job.
            WorkerEnded: if the process has ended.
        """
        try:
            if self.executor is None:
                self.start()
            result: T = self.executor.submit(run_for, os.getpid(), job).result()
            return result
        except interruption.Interrupted as error:
            self.kill()  # it has saved its state
            raise WorkerEnded(has_ended(128 + error.signal)) from error
        except BrokenProcessPool as error:
            status = None if self.process is None else self.process.exitcode
            self.kill()
            raise WorkerEnded("has ended" if status is None else has_ended(status)) from error

    def start(self) -> None:
        """Start the process."""
        self.executor = ProcessPoolExecutor(1, env=self.environment)
        number = self.executor.submit(os.getpid).result()
        self.process = {each.pid: each for each in multiprocessing.active_children()}.get(number)

    def terminate(self) -> None:
        """Tell the process to end."""
        if self.process is not None:
            with suppress(ProcessLookupError):
                os.kill(self.process.pid, SIGTERM)

    def kill(self) -> None:
        """End the process."""
        if self.executor is not None:
            self.executor.shutdown(wait=False, kill_workers=True)
        self.executor = self.process = None


def run_for(parent: int, job: Callable[[], T]) -> T:
    """Run a job in this process, which ends when told to, or with its parent.

    Args:
        parent: the number of the process that waits for the result.
        job: the job.
    """
    interruption.handle_signals()
    outlive_reader()
    end_with(parent)
    try:
        return job()
    except interruption.Interrupted as end:
        if not is_alive(parent):  # nobody waits for the result
            os._exit(128 + end.signal)
        raise
