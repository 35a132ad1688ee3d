"""The results of an evaluation: `evaluation.json`, and the table on the terminal.

    {"checkpoint": {"epoch": 19, "sha256": ...},
     "test": {"nll": {"nll": {"value": ..., "standard_error": ..., "num_images": ..., "num_samples": ...,
                              "estimator": ..., "split": "test", "seed": 0, "epoch": 19, "binarize": ..., ...}}}}

Estimates over some of the images have a key of their own, "test, 1000 images". A measure replaces its own earlier
estimates over the same images, and nothing else.
"""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vae_lab.errors import UserError, printable
from vae_lab.evaluation.measure import Estimate
from vae_lab.runs.files import read_json
from vae_lab.runs.folder import RunFolder

# The estimates of a run by measure and name, as evaluation.json holds them.
Estimates = dict[str, dict[str, dict[str, Any]]]


def checkpoint_of(run_dir: Path, epoch: Any) -> dict[str, Any]:
    """Return the identity of the trained model: its epoch, and a hash of its checkpoint."""
    return {"epoch": epoch, "sha256": hashlib.sha256(RunFolder(run_dir).best_checkpoint.read_bytes()).hexdigest()}


def images_key(split: str, num_images: int | None) -> str:
    """Return the key of the estimates over these images.

    >>> images_key("test", None), images_key("val", 1000)
    ('test', 'val, 1000 images')
    """
    return split if num_images is None else f"{split}, {num_images} images"


def as_json(estimate: Estimate, about: Mapping[str, Any]) -> dict[str, Any]:
    """Return an estimate as JSON, complete without the rest of the file; numbers that are not finite become null.

    An estimate that no true value can be near has a key `impossible`, which says why.

    Args:
        estimate: the estimate.
        about: what else describes it, such as the split and the seed.
    """
    given = {
        name: value for name, value in estimate._asdict().items() if name not in ("details", "at_least", "at_most")
    }
    for name in ("value", "standard_error"):
        if given[name] is not None and not math.isfinite(given[name]):
            given[name] = None
    reason = estimate.impossible()
    wrong = {} if reason is None else {"impossible": reason}
    return {**given, **wrong, **about, **(estimate.details or {})}


def merge(run_dir: Path, checkpoint: Mapping[str, Any], key: str, measure: str, estimates: Mapping[str, Any]) -> None:
    """Write the estimates of a measure atomically, beside those of earlier evaluations of the same model.

    Args:
        run_dir: the run's folder.
        checkpoint: the identity of the model; estimates of another one are dropped.
        key: the key of the images.
        measure: the name of the measure.
        estimates: its estimates as JSON, by name.
    """
    known = read(run_dir)
    if known.get("checkpoint") != checkpoint:
        known = {"checkpoint": checkpoint}
    known.setdefault(key, {})[measure] = estimates
    folder = RunFolder(run_dir)
    folder.write_text(folder.evaluation, json.dumps(known, indent=2, allow_nan=False) + "\n")


def read(run_dir: Path) -> dict[str, Any]:
    """Read what earlier evaluations wrote; empty if there is no file.

    Raises:
        UserError: one line with the file, if it is damaged.
    """
    path = RunFolder(run_dir).evaluation
    known = read_json(path) if path.is_file() else {}
    for name, part in known.items():
        if not isinstance(part, dict):
            raise UserError(
                f"{path}: {name} should be a mapping, and is {type(part).__name__}; the file is damaged: restore it "
                "from a copy, or remove it"
            )
    if "epoch" not in known.get("checkpoint", {"epoch": 0}):
        raise UserError(f"{path}: it does not say which epoch was measured; the file is damaged: move it away")
    return known


def table(names: Sequence[str], runs: Sequence[Estimates]) -> str:
    """Return the estimates of several runs side by side, each with its standard error.

    Args:
        names: the names of the runs.
        runs: their estimates.
    """
    rows = list(dict.fromkeys((measure, name) for run in runs for measure in run for name in run[measure]))
    cells = [["", "", *map(printable, names), "images", "samples"]]
    for measure, name in rows:
        found = [run.get(measure, {}).get(name) for run in runs]
        size = [sizes(found, "num_images"), sizes(found, "num_samples")]
        cells.append([printable(measure), printable(name), *(format_estimate(estimate) for estimate in found), *size])
    widths = [max(len(row[column]) for row in cells) for column in range(len(cells[0]))]
    lines, last = [], ""
    for row in cells:
        first_column = "" if row[0] == last else row[0]
        last = row[0]
        left = f"{first_column:<{widths[0]}}  {row[1]:<{widths[1]}}"
        lines.append("  ".join([left, *(cell.rjust(width) for cell, width in zip(row[2:], widths[2:], strict=True))]))
    return "\n".join(lines)


def sizes(estimates: Sequence[Mapping[str, Any] | None], name: str) -> str:
    """Return a number that estimates were made with as text; where they differ, that of each run.

    >>> sizes([{"num_images": 10000}, None, {"num_images": 10000}], "num_images")
    '10,000'
    >>> sizes([{"num_images": 10000}, None, {"num_images": 300}], "num_images")
    '10,000 / - / 300'
    """
    texts = ["-" if each is None else "" if each[name] is None else f"{each[name]:,}" for each in estimates]
    different = dict.fromkeys(text for text in texts if text != "-")
    return next(iter(different)) if len(different) == 1 else " / ".join(texts)


def format_estimate(estimate: Mapping[str, Any] | None) -> str:
    """Return a value and its standard error as text, to two significant digits of the error.

    >>> format_estimate({"value": 96.0123, "standard_error": 0.241})
    '96.01 ± 0.24'
    >>> format_estimate({"value": 12, "standard_error": None}), format_estimate(None)
    ('12', '-')
    """
    if estimate is None:
        return "-"
    value, error = estimate["value"], estimate["standard_error"]
    if value is None:
        return "not finite"
    if error is None or error == 0:
        return f"{value:.6g}"
    digits = min(6, max(0, 1 - math.floor(math.log10(error))))
    return f"{value:.{digits}f} ± {error:.{digits}f}"
