"""Bring the jobs of a multirun together: each starts the next one and waits until all are ready to train."""

from collections.abc import Callable, Sequence

from vae_lab.data.module import ImageData
from vae_lab.training.run import CO_TRAINER, Run


class EnsembleCoordinator:
    """Collects runs and trains them together.

    A job that is ready to train starts the next one and waits for it. So each job keeps its own folder, its own log,
    and the handler of its failure. Jobs that end before, because they were finished earlier or rejected, are not waited
    for.

    Args:
        jobs: the numbers of the jobs.
        start: runs a job to its end.

    Attributes:
        pending: the jobs that have not started.
        runs: the runs that are ready to train.
        failures: the error of each run, or None for a run without one; None before the training.
    """

    def __init__(self, jobs: Sequence[int], start: Callable[[int], None]) -> None:
        self.pending = list(jobs)
        self.start = start
        self.runs: list[Run] = []
        self.failures: list[Exception | None] | None = None

    @property
    def data(self) -> ImageData | None:
        """The images that the first run has read, or None before it has."""
        return self.runs[0].data if self.runs else None

    def fit(self, run: Run) -> None:
        """Train a run together with the others.

        Raises:
            Exception: the error of its own training.
        """
        number = len(self.runs)
        self.runs.append(run)
        self.complete()
        assert self.failures is not None
        failure = self.failures[number]
        if failure is not None:
            raise failure

    def complete(self) -> None:
        """Start the pending jobs, then train the runs that wait."""
        while self.pending:
            self.start(self.pending.pop(0))
        if self.failures is None:
            # Imported here, since it imports torch and jobs may end before their training.
            from vae_lab.experimental.ensemble.fit import fit_together

            self.failures = fit_together(self.runs) if self.runs else []


def train_together(jobs: Sequence[int], start: Callable[[int], None]) -> None:
    """Run jobs to their ends, training them together; a single job is trained as usual.

    Args:
        jobs: the numbers of the jobs.
        start: runs a job to its end.
    """
    if len(jobs) == 1:
        start(jobs[0])
        return
    coordinator = EnsembleCoordinator(jobs, start)
    token = CO_TRAINER.set(coordinator)
    try:
        coordinator.complete()
    finally:
        CO_TRAINER.reset(token)
