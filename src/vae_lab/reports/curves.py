"""Read learning curves from TensorBoard's logs."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from vae_lab.runs.reading import Run


class Curve(NamedTuple):
    """A metric over training, for several seeds.

    Attributes:
        steps: optimisation steps, of shape (S,).
        values: the metric, of shape (seeds, S).
    """

    steps: NDArray[np.int64]
    values: NDArray[np.float64]


def learning_curve(runs: Sequence[Run], tag: str) -> Curve | None:
    """Read a scalar from the runs' logs at the steps that all of them have; None if there are no such steps."""
    points = [scalars(run.folder, tag) for run in runs]
    steps = sorted(set.intersection(*map(set, points))) if points else []
    if not steps:
        return None
    return Curve(np.array(steps), np.array([[point[step] for step in steps] for point in points]))


def scalars(run_dir: Path, tag: str) -> dict[int, float]:
    """Read a scalar of a run by step; if a resumed run logged a step again, the later value."""
    # Imported here, since it takes a second and a report without learning curves does not need it.
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    logging.getLogger("tensorboard").setLevel(logging.WARNING)  # it logs every file that it opens
    log = EventAccumulator(str(run_dir), size_guidance={"scalars": 0, "images": 1, "tensors": 1})
    log.Reload()
    if tag not in log.Tags()["scalars"]:
        return {}
    return {event.step: event.value for event in log.Scalars(tag)}
