"""The length of a training, and settings of the trainer that make a metric untrue or cannot work together."""

from collections.abc import Mapping
from typing import Any

from vae_lab.errors import UserError, show

# Options of Lightning's trainer that leave out images of validation or test.
PARTIAL = ("limit_val_batches", "limit_test_batches", "overfit_batches", "fast_dev_run")
LIMITS = ("limit_val_batches", "limit_test_batches")  # all images at 1.0; the others are off at 0
# Options that take away all steps of the training.
NO_STEPS = ("limit_train_batches", "max_steps")


def length(trainer: Mapping[str, Any], epochs_scale: float) -> dict[str, int]:
    """The trainer's `max_epochs` and, where it has any, `max_steps`, as `epochs_scale` shortens or lengthens them.

    >>> length({"max_epochs": 3280}, 0.01), length({"max_epochs": 20, "max_steps": 500}, 0.001)
    ({'max_epochs': 33}, {'max_epochs': 1, 'max_steps': 1})
    """
    limits = {key: trainer.get(key) for key in ("max_epochs", "max_steps")}
    # Lightning's -1 is no limit.
    return {key: max(1, round(epochs_scale * limit)) for key, limit in limits.items() if limit and limit > 0}


def check_trainer(trainer: Mapping[str, Any], optimizer: Mapping[str, Any], max_epochs: int) -> None:
    """Refuse settings that would end in metrics of some of the images, in no metrics at all, or in a traceback.

    Args:
        trainer: its settings.
        optimizer: those of the optimizer.
        max_epochs: what the run trains.

    Raises:
        UserError: one line with the way out.
    """
    for key in PARTIAL:
        value = trainer.get(key)
        leaves_out = value is not None and not (isinstance(value, float) and value == 1) if key in LIMITS else value
        if leaves_out:
            raise UserError(
                f"trainer.{key}={show(trainer[key])}: validation and test metrics are of all their images; leave it "
                "out (for a quick try use trainer.max_epochs=1 trainer.limit_train_batches=10)"
            )
    for key in NO_STEPS:
        if trainer.get(key) == 0:
            raise UserError(f"trainer.{key}=0: nothing would be trained; leave it out")
    every = trainer.get("check_val_every_n_epoch")
    if every is not None and every > max_epochs:
        raise UserError(
            f"trainer.check_val_every_n_epoch={every}: in {max_epochs} epochs of training there would be no validation "
            "to choose an epoch by; choose at most as many as there are epochs"
        )
    mixed, clip = "mixed" in str(trainer.get("precision")), trainer.get("gradient_clip_val")
    if mixed and clip is not None and optimizer.get("fused"):
        raise UserError(
            f"trainer.gradient_clip_val={clip}: in mixed precision a fused optimizer cannot clip gradients; "
            "add optimizer.fused=false"
        )
