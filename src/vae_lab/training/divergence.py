"""Training that diverged: it is told, and never replaces a good state."""

import math
from collections.abc import Iterable

import torch
from lightning.pytorch import Trainer
from torch import Tensor, nn

from vae_lab.configuration.proposed import resume
from vae_lab.errors import UserError
from vae_lab.runs.folder import RunFolder

# Metrics beyond this many nats for each pixel value mean nothing: densities of pixels are far from it.
ABSURD_NATS = 1000.0


class DivergenceError(UserError):
    """Training diverged: the loss or the weights are not finite."""


def check_finite(loss: float, step: int, epoch: int) -> None:
    """Stop the training if the loss is not finite.

    Args:
        loss: the average loss of the last steps.
        step: the current step.
        epoch: the number of the current epoch, from 0.

    Raises:
        DivergenceError: if the loss is not finite.
    """
    if not math.isfinite(loss):
        raise DivergenceError(f"training diverged: the loss is {loss} around step {step}, in epoch {epoch + 1}")


def check_finite_state(module: nn.Module, trainer: Trainer) -> None:
    """Stop the training if the weights, or what the optimizer remembers, are not finite; called before they are saved.

    Args:
        module: the trained module.
        trainer: its trainer.

    Raises:
        DivergenceError: if they are not finite.
    """
    remembered = (
        value
        for optimizer in trainer.optimizers
        for state in optimizer.state.values()
        for value in state.values()
        if isinstance(value, Tensor)
    )
    if not (all_finite(module.parameters()) and all_finite(remembered)):
        raise weights_diverged(trainer.global_step, trainer.current_epoch)


def weights_diverged(step: int, epoch: int) -> DivergenceError:
    """Return the error of weights that are not finite."""
    return DivergenceError(f"training diverged: the weights are not finite after step {step}, in epoch {epoch + 1}")


def all_finite(tensors: Iterable[Tensor]) -> bool:
    """Return whether all numbers of all tensors are finite, by a single copy to the CPU."""
    finite = [tensor.detach().isfinite().all() for tensor in tensors if tensor.is_floating_point()]
    return not finite or bool(torch.stack([each.to(finite[0].device) for each in finite]).all())


def advice(folder: RunFolder, lr: float | None) -> str:
    """Return what may be done about a run that diverged, as the end of a sentence.

    Args:
        folder: the run's folder.
        lr: its learning rate, or None if it has the default of its optimizer.
    """
    if not folder.last_checkpoint.is_file():
        return "try a smaller optimizer.lr, or trainer.gradient_clip_val=100"
    return (
        "its last good state is kept; go on from it with a smaller learning rate, or with clipped gradients: "
        f"{resume(folder.path, 'optimizer.lr=SMALLER' if lr is None else f'optimizer.lr={lr / 10:.6g}')}"
    )


def check_sane(best: float | None, metric: str, num_pixels: int) -> None:
    """Refuse a best epoch whose value means nothing: finite numbers can be as wrong as infinite ones.

    Args:
        best: the value of the best epoch; None if no epoch had a finite one.
        metric: its name.
        num_pixels: the pixel values of an image, all channels together.

    Raises:
        DivergenceError: if there is no such epoch, or its value is beyond what pixels can cost.
    """
    if best is None:
        raise DivergenceError(f"training diverged: no epoch had a finite {metric}, so there is nothing to test")
    if is_absurd(best, num_pixels):
        raise DivergenceError(
            f"training diverged: the best {metric} of all epochs is {best:.6g}, beyond what {num_pixels:,} pixel "
            "values can cost, so there is nothing to test"
        )


def is_absurd(value: float | int | str | None, num_pixels: int) -> bool:
    """Return whether a metric in nats per image is beyond what pixels can cost.

    Args:
        value: the metric, or None if there is none.
        num_pixels: the pixel values of an image, all channels together.
    """
    return value is not None and not abs(float(value)) < ABSURD_NATS * num_pixels
