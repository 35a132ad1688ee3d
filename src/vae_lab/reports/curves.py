"""Learning curves, as TensorBoard's logs have them."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from vae_lab.runs.reading import Run


class Curve(NamedTuple):
    """A metric over training, of several seeds."""

    steps: NDArray[np.int64]  # (S,)
    values: NDArray[np.float64]  # (seeds, S)


def learning_curve(runs: Sequence[Run], tag: str) -> Curve | None:
    """A scalar of the runs' logs at the steps that all of them have; None where one has no log of it."""
    points = [scalars(run.folder, tag) for run in runs]
    steps = sorted(set.intersection(*map(set, points))) if points else []
    if not steps:
        return None
    return Curve(np.array(steps), np.array([[point[step] for step in steps] for point in points]))


def scalars(run_dir: Path, tag: str) -> dict[int, float]:
    """A scalar of a run by step; where a resumed run logged a step again, the later value."""
    # Not for a report without learning curves: it takes a second.
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    logging.getLogger("tensorboard").setLevel(logging.WARNING)  # it tells of every file that it opens
    log = EventAccumulator(str(run_dir), size_guidance={"scalars": 0, "images": 1, "tensors": 1})
    log.Reload()
    if tag not in log.Tags()["scalars"]:
        return {}
    return {event.step: event.value for event in log.Scalars(tag)}
