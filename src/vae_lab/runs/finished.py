"""Check that a folder holds a finished run."""

from collections.abc import Sequence
from pathlib import Path

from vae_lab.configuration import own_parts
from vae_lab.configuration.proposed import resume
from vae_lab.errors import UserError
from vae_lab.runs.folder import RunFolder
from vae_lab.runs.metrics import metric_of, read_metrics
from vae_lab.runs.trust import check_trusted, plain_containers


def check_finished(folder: str, allow: Sequence[str] = ()) -> None:
    """Refuse a folder without a finished run, or with one that may not be built.

    Args:
        folder: the run's folder.
        allow: top-level modules whose classes may be built, beside vae_lab's own.

    Raises:
        UserError: one line with what is missing.
    """
    own_parts.allow(allow)
    run = RunFolder(Path(folder))
    if not run.path.is_dir():
        raise UserError(f"run={folder}: there is no such folder; name that of a finished run")
    if not run.config.is_file():
        raise UserError(
            f"run={folder}: there is no run in this folder (no .hydra/config.yaml); name one that vae_lab.train wrote, "
            "such as outputs/runs/<date>/<time>"
        )
    if not run.metrics.is_file():
        raise UserError(
            f"run={folder}: this run did not finish (no metrics.json); go on with it: {resume(Path(folder))}"
        )
    if not run.best_checkpoint.is_file():
        raise UserError(f"run={folder}: its trained model is missing (no checkpoints/best.ckpt); train it again")
    metric_of(read_metrics(run.metrics), "epoch", run.metrics)
    config = run.read_config()
    assert config is not None
    check_trusted(plain_containers(config), run.config)
