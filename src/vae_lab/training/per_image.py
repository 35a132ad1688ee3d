"""Compare the encoder's variational parameters with those optimised for each single image."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, cast

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor
from torch.distributions import Normal

from vae_lab.configuration.options import PositiveFloat, PositiveInt
from vae_lab.data.module import ImageData
from vae_lab.errors import UserError
from vae_lab.evaluation.blocks import rows_of_block
from vae_lab.evaluation.context import SplitName, model_inputs
from vae_lab.evaluation.measure import Images, over_images
from vae_lab.evaluation.measures.amortisation import (
    COMPARE,
    ELBO_SAMPLES,
    SAMPLES_AT_ONCE,
    Inference,
    no_diagonal_posterior,
)
from vae_lab.evaluation.record import as_json
from vae_lab.models.latent_model import LatentModel
from vae_lab.runs.folder import RunFolder
from vae_lab.seeding import RngStream, reseed
from vae_lab.training.module import TrainingModule

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NAME = "amortised_vs_per_image"
SPLITS: tuple[SplitName, ...] = ("train", "test")


@dataclass(frozen=True)
class Comparison:
    """The ELBO of the same images under the same p(x, z), with q by the encoder and with q optimised for each image.

    Attributes:
        encoder: the ELBO with the encoder's q, in nats, of shape (I,).
        per_image: the ELBO after each of some numbers of steps from the prior, of shape (I,) each.
        encoder_seconds: the time of the encoder, for each image.
        per_image_seconds: the time of all steps, for each image.
    """

    encoder: Tensor
    per_image: dict[int, Tensor]
    encoder_seconds: float
    per_image_seconds: float


class PerImage(Callback):
    """Compares the encoder with variational parameters optimised for each single image, after training.

    Without an encoder each image x_i has its own mu_i and sigma_i, which maximise its ELBO; here Adam finds them,
    starting from the prior N(0, I), with p(x, z) as trained. So only inference is compared: what the encoder loses by
    sharing its weights over images (training images and new ones), and the time that it saves for a new image, one pass
    instead of many steps. p was trained with the encoder, which favours the encoder: Cremer et al. 2018,
    https://arxiv.org/abs/1801.03558.

    Draws `figures/amortised_vs_per_image.png` and writes `amortised_vs_per_image.json` into the run's folder.

    Args:
        num_images: the number of images of each split, the same ones every time.
        num_steps: steps of Adam for each image.
        lr: the initial step size, which decays to 0 as a cosine; means move in units of the prior's standard deviation,
            and standard deviations by factors.
    """

    def __init__(self, num_images: PositiveInt = 100, num_steps: PositiveInt = 1000, lr: PositiveFloat = 0.1) -> None:
        self.num_images = num_images
        self.num_steps = num_steps
        self.lr = lr

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        model = cast(TrainingModule, pl_module).model
        reason = no_diagonal_posterior(model)
        if reason is not None:
            raise UserError(f"callbacks: cannot compare the encoder: {reason}; leave out the callback per_image")

    @torch.inference_mode(False)  # the trainer tests without gradients
    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not trainer.is_global_zero:
            return
        # Imported here, since matplotlib takes time and an interrupted run does not need it.
        from vae_lab.reports.drawing import save

        module = cast(TrainingModule, pl_module)
        data = cast(ImageData, trainer.datamodule)  # type: ignore[attr-defined]
        parameter = next(module.parameters())
        found = {
            split: self.compare(
                module.model,
                model_inputs(data, split, module.classes, parameter, self.num_images),
                module.seed,
                number,
            )
            for number, split in enumerate(SPLITS)
        }
        folder = RunFolder(Path(trainer.default_root_dir))
        save(draw_comparison(found), folder, folder.figures / f"{NAME}.png")
        estimates = {str(split): self.comparison_as_json(comparison) for split, comparison in found.items()}
        folder.write_json(folder.path / f"{NAME}.json", estimates)

    def compare(self, model: LatentModel, images: Images, seed: int, position: int) -> Comparison:
        """Compare both ways of inference on some images.

        Args:
            model: a model with diagonal normal posteriors.
            images: I images.
            seed: the seed of all random numbers.
            position: the position of these images in the random stream.
        """
        encoder: list[Tensor] = []
        per_image: dict[int, list[Tensor]] = {step: [] for step in reported_steps(self.num_steps)}
        encoder_seconds = per_image_seconds = 0.0
        blocks = images.split_up(max(1, rows_of_block(model, images) // SAMPLES_AT_ONCE))
        for number, some in enumerate(blocks):
            noise = partial(reseed, some.x.device, seed, RngStream.PER_IMAGE, position, number)
            inference = Inference(model, some, noise)
            start = perf_counter()
            q = inference.encoder_posterior()
            encoder_seconds += perf_counter() - start
            encoder.append(inference.elbo(q, COMPARE))
            prior = Normal(torch.zeros_like(q.loc), torch.ones_like(q.scale), validate_args=False)
            start = perf_counter()
            for step, own in enumerate(inference.path(prior, self.num_steps, self.lr), 1):
                per_image_seconds += perf_counter() - start
                if step in per_image:
                    per_image[step].append(inference.elbo(own, COMPARE))
                start = perf_counter()
        return Comparison(
            torch.cat(encoder),
            {step: torch.cat(values) for step, values in per_image.items()},
            encoder_seconds / len(images.x),
            per_image_seconds / len(images.x),
        )

    def comparison_as_json(self, found: Comparison) -> dict[str, object]:
        """Return a comparison as JSON."""
        how = f"{self.num_steps} steps of Adam from the prior on"
        last = found.per_image[self.num_steps]
        return {
            "elbo_encoder": as_json(over_images(found.encoder, "ELBO, q the encoder's", num_samples=ELBO_SAMPLES), {}),
            "elbo_per_image": as_json(
                over_images(last, f"ELBO, q of each image by {how}", num_samples=ELBO_SAMPLES), {}
            ),
            "gain": as_json(over_images(last - found.encoder, "elbo_per_image - elbo_encoder, image by image"), {}),
            "elbo_after_steps": {step: values.mean().item() for step, values in found.per_image.items()},
            "seconds_per_image": {"encoder": found.encoder_seconds, "per_image": found.per_image_seconds},
        }


def reported_steps(num_steps: int) -> list[int]:
    """Return the steps after which the ELBO is reported, spaced roughly evenly in their logarithm, including the last.

    >>> reported_steps(30), reported_steps(5)
    ([1, 2, 5, 10, 20, 30], [1, 2, 5])
    """
    powers = (10**power for power in range(len(str(num_steps))))
    return [step for power in powers for step in (power, 2 * power, 5 * power) if step < num_steps] + [num_steps]


def draw_comparison(found: Mapping[SplitName, Comparison]) -> "Figure":
    """Draw the ELBO of each image's own parameters against the steps of Adam, beside the encoder's ELBO."""
    from matplotlib.figure import Figure

    from vae_lab.reports.series import COLOURS

    picture = Figure(figsize=(7, 4.5), layout="constrained")
    panel = picture.subplots()
    for (split, each), colour in zip(found.items(), COLOURS, strict=False):
        curve = {step: values.mean().item() for step, values in each.per_image.items()}
        panel.plot(list(curve), list(curve.values()), ".-", color=colour, label=f"parameters of each {split} image")
        panel.axhline(each.encoder.mean().item(), color=colour, linestyle="--", label=f"encoder, {split} images")
    # The axis shows the ends of the curves, since they begin hundreds of nats lower.
    ends = [
        values.mean().item() for each in found.values() for values in (each.encoder, [*each.per_image.values()][-1])
    ]
    span = max(ends) - min(ends)
    panel.set_ylim(min(ends) - 2 * span, max(ends) + 0.2 * span)
    panel.set_xscale("log")
    panel.set_xlabel("steps for each image (the encoder: one pass)")
    panel.set_ylabel("ELBO (nats per image)")
    panel.legend(fontsize=8)
    panel.grid(alpha=0.3)
    return picture
