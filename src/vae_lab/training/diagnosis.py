"""What is said about a finished run: divergence, posterior collapse, and a tested epoch at one end of the training."""

from vae_lab.runs.metrics import Metrics
from vae_lab.training.divergence import is_absurd
from vae_lab.training.epoch_choice import LAST

NOTE = "note/"  # the beginning of their names in `metrics.json`

# Codes of fewer nats than this tell almost nothing: telling one of ten images from the others takes log 10 = 2.3.
COLLAPSED_NATS = 0.1


def diagnose(metrics: Metrics, last_value: float | None, *, num_pixels: int, num_epochs: int) -> dict[str, str]:
    """Return what should be known before the metrics of a run are used: a sentence for each rule that holds, by name.

    Args:
        metrics: the metrics of the run.
        last_value: the value of the model's own metric in the last epoch, or None.
        num_pixels: the pixel values of an image, all channels together.
        num_epochs: the epochs that the run was trained for.
    """
    notes = {}
    epoch, chosen_by = int(metrics["epoch"]) + 1, metrics["epoch/chosen_by"]
    absurd = [name for name in ("test/elbo", "test/nll", "test/distortion") if is_absurd(metrics.get(name), num_pixels)]
    if absurd:
        notes["divergence"] = (
            f"{absurd[0]}={metrics[absurd[0]]:.6g} nats per image is beyond what {num_pixels:,} pixel values can cost: "
            "training diverged; try a smaller optimizer.lr, or trainer.gradient_clip_val=100"
        )
    elif is_absurd(last_value, num_pixels):
        notes["divergence"] = (
            f"training diverged after epoch {epoch}, which the metrics are of: in the last epoch the validation metric "
            f"was {last_value:.6g}"
        )
    if float(metrics.get("test/rate", COLLAPSED_NATS)) < COLLAPSED_NATS:
        notes["collapse"] = (
            f"posterior collapse: at a rate of {metrics['test/rate']:.3f} nats the codes say almost nothing of their "
            "images; train longer, or try objective=beta_warmup or objective=free_bits"
        )
    if chosen_by != LAST and num_epochs > 1 and "divergence" not in notes:
        if epoch == 1:
            notes["first_epoch"] = (
                f"the first of {num_epochs} epochs is the best by {chosen_by}, so the metrics are of a model that was "
                "hardly trained; try a smaller optimizer.lr, or test the last epoch with choose_epoch_by=last"
            )
        if epoch == num_epochs:
            notes["last_epoch"] = (
                f"the last of {num_epochs} epochs is the best by {chosen_by}, so a longer training may be better: "
                "raise trainer.max_epochs"
            )
    return notes
