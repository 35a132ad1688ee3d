"""How the jobs of a multirun come together: each waits inside the one before it until all are ready to train."""

from collections.abc import Callable, Sequence

from vae_lab.data.module import ImageData
from vae_lab.training.run import CO_TRAINER, Run


class EnsembleCoordinator:
    """Runs that are to be trained together.

    A job that comes to its training starts the next one and waits for it, so that each keeps its own surroundings:
    its folder, its log, and whoever notes its failure. Jobs that end before that, because they were finished earlier
    or refused, are not waited for.

    Args:
        jobs: their numbers.
        start: runs a job to its end, whatever that is.
    """

    def __init__(self, jobs: Sequence[int], start: Callable[[int], None]) -> None:
        self.pending = list(jobs)
        self.start = start
        self.runs: list[Run] = []
        self.failures: list[Exception | None] | None = None  # of each run, once they were trained

    @property
    def data(self) -> ImageData | None:
        """The images that the first run has read, or None before it has."""
        return self.runs[0].data if self.runs else None

    def fit(self, run: Run) -> None:
        """Train a run along with the others.

        Raises:
            Exception: what its own training failed with.
        """
        number = len(self.runs)
        self.runs.append(run)
        self.complete()
        assert self.failures is not None
        failure = self.failures[number]
        if failure is not None:
            raise failure

    def complete(self) -> None:
        """Start the jobs that have not been, then train the runs that wait."""
        while self.pending:
            self.start(self.pending.pop(0))
        if self.failures is None:
            # Not before a job came to its training.
            from vae_lab.experimental.ensemble.fit import fit_together

            self.failures = fit_together(self.runs) if self.runs else []


def train_together(jobs: Sequence[int], start: Callable[[int], None]) -> None:
    """Run jobs to their ends, trained together; a single one by itself."""
    if len(jobs) == 1:
        start(jobs[0])
        return
    coordinator = EnsembleCoordinator(jobs, start)
    token = CO_TRAINER.set(coordinator)
    try:
        coordinator.complete()
    finally:
        CO_TRAINER.reset(token)
