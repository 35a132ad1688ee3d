"""Check that a folder holds a finished run."""

from pathlib import Path

from vae_lab.errors import UserError
from vae_lab.runs.folder import RunFolder


def check_finished(folder: str) -> None:
    """Refuse a folder without a finished run.

    Raises:
        UserError: one line with what is missing.
    """
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
            f"run={folder}: this run did not finish (no metrics.json); "
            f"go on with it: python -m vae_lab.train resume={folder}"
        )
    if not run.best_checkpoint.is_file():
        raise UserError(f"run={folder}: its trained model is missing (no checkpoints/best.ckpt); train it again")
