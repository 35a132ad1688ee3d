"""Which epoch of a run is tested: by the model's own metric, by the run's loss, by the likelihood, or the last one."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from lightning.pytorch import Callback
from torch import Tensor

from vae_lab.errors import UserError, nearest
from vae_lab.evaluation import validation_bounds
from vae_lab.evaluation.criterion import Criterion
from vae_lab.models.latent_model import LatentModel
from vae_lab.objectives.objective import Objective

Choice = Literal["auto", "elbo", "objective", "nll", "last"]  # the values of choose_epoch_by
LAST = "last"


@dataclass(frozen=True)
class EpochChoice:
    """How the epochs of a run are compared.

    Attributes:
        metric: the validation metric that is compared, without `val/`; None if the last epoch is chosen.
        higher_is_better: whether a higher value of that metric is better.
    """

    metric: str | None
    higher_is_better: bool = False

    @property
    def name(self) -> str:
        """The name of the choice in `metrics.json`."""
        return LAST if self.metric is None else f"val/{self.metric}"

    def improves(self, value: float, best: float | None) -> bool:
        """Return whether an epoch is chosen before the best so far (None: the first one); NaN never is."""
        if self.metric is None:
            return math.isfinite(value)
        if best is None:
            return value > float("-inf") if self.higher_is_better else value < float("inf")
        return value > best if self.higher_is_better else value < best


def epoch_choice(key: Choice, criterion: Criterion, objective: Objective) -> EpochChoice:
    """Return how the epochs of a run are compared.

    Args:
        key: the value of `choose_epoch_by`; with `auto` the objective says what fits it.
        criterion: what measures the model.
        objective: what is trained.

    Raises:
        UserError: if the model or the objective has no such metric.
    """
    chosen = objective.epoch_rule() if key == "auto" else key
    name = type(objective).__name__
    if chosen == "objective" and not objective.compares_epochs:
        raise UserError(
            f"choose_epoch_by=objective: the loss of {name} on validation images does not say which epoch is better; "
            "choose elbo or last"
        )
    if key == "objective" and objective.epoch_rule() == "last":
        raise UserError(
            f"choose_epoch_by=objective: a schedule makes the loss of {name} another one in every epoch, so the losses "
            "of two epochs cannot be compared; choose elbo or last"
        )
    if chosen == "nll" and criterion.monitored != "elbo":
        raise UserError(
            f"choose_epoch_by=nll: a model that is compared by its {criterion.monitored} has no likelihood of images "
            "to estimate; choose elbo, objective or last"
        )
    if chosen == "elbo":
        return EpochChoice(criterion.monitored, criterion.higher_is_better)
    return EpochChoice({"objective": "loss", "nll": "nll"}.get(chosen))


def metric_names(choice: EpochChoice, criterion: Criterion) -> list[str]:
    """Return the names of the metrics that a validation logs."""
    extra = [choice.metric] if choice.metric is not None and choice.metric not in criterion.names else []
    return [f"val/{name}" for name in (*criterion.names, *extra)]


def check_monitors(callbacks: Sequence[Callback], choice: EpochChoice, criterion: Criterion) -> None:
    """Refuse a callback, such as early stopping, that waits for a metric which no validation logs.

    Raises:
        UserError: one line with the metrics that there are.
    """
    known = metric_names(choice, criterion)
    for callback in callbacks:
        monitor = getattr(callback, "monitor", None)
        if isinstance(monitor, str) and monitor not in known:
            raise UserError(
                f"callbacks: {type(callback).__name__} has monitor={monitor}, which this run does not log; "
                f"{nearest(monitor, known)}"
            )


def validation_metrics(
    choice: EpochChoice,
    criterion: Criterion,
    model: LatentModel,
    objective: Objective,
    x: Tensor,
    c: Tensor | None,
    *,
    nll_samples: int,
) -> dict[str, Tensor]:
    """Return the metrics of validation, of shape (B,) each: those of the model, and the one that epochs are chosen by.

    Args:
        choice: how epochs are compared.
        criterion: what measures the model.
        model: the model.
        objective: what is trained.
        x: images, of shape (B, C, H, W).
        c: what they are conditioned on, of shape (B, classes), or None.
        nll_samples: latent samples for each image, if epochs are compared by the likelihood.
    """
    metrics = criterion.validate(model, x, c)
    if choice.metric == "loss":
        return {**metrics, "loss": objective(model, x, c).value.expand(len(x))}
    if choice.metric == "nll":
        return {**metrics, "nll": validation_bounds.nll(model, x, c, num_samples=nll_samples)}
    return metrics
