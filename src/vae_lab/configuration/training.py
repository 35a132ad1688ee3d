"""Settings of the trainer that would make a figure untrue, or that cannot work together."""

from collections.abc import Mapping
from typing import Any

from vae_lab.errors import UserError, show

# Options of Lightning's trainer that leave out images of validation or test.
PARTIAL = ("limit_val_batches", "limit_test_batches", "overfit_batches", "fast_dev_run")


def check_trainer(trainer: Mapping[str, Any], optimizer: Mapping[str, Any]) -> None:
    """Refuse what would end in a figure of some of the images, in no figure at all, or in a traceback.

    Raises:
        UserError: one line with the way out.
    """
    for key in PARTIAL:
        if trainer.get(key):
            raise UserError(
                f"trainer.{key}={show(trainer[key])}: validation and test figures are of all their images; leave it "
                "out (for a quick try use trainer.max_epochs=1 trainer.limit_train_batches=10)"
            )
    every = trainer.get("check_val_every_n_epoch")
    if every is not None and every > trainer["max_epochs"]:
        raise UserError(
            f"trainer.check_val_every_n_epoch={every}: with trainer.max_epochs={trainer['max_epochs']} there would be "
            "no validation to choose an epoch by; choose at most as many as there are epochs"
        )
    mixed, clip = "mixed" in str(trainer.get("precision")), trainer.get("gradient_clip_val")
    if mixed and clip is not None and optimizer.get("fused"):
        raise UserError(
            f"trainer.gradient_clip_val={clip}: in mixed precision a fused optimizer cannot clip gradients; "
            "add optimizer.fused=false"
        )
