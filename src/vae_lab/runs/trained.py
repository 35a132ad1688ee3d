"""A trained run, back in Python."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from hydra.utils import get_object
from omegaconf import DictConfig
from torch import Tensor
from torch.distributions import Distribution
from torch.nn.functional import one_hot

from vae_lab import build
from vae_lab.errors import UserError
from vae_lab.models.latent_model import LatentModel
from vae_lab.runs import results
from vae_lab.runs.folder import RunFolder


@dataclass(frozen=True)
class Trained:
    """A trained model, with what is known about it.

    Images are of shape (B, C, H, W) in [0, 1], as the model saw them (binarised, for a Bernoulli likelihood). A model
    that was trained with condition=label takes their classes beside them: numbers of shape (B,), or one for all.
    """

    model: LatentModel
    config: DictConfig
    image_shape: tuple[int, ...]  # channels, height, width
    metrics: results.Metrics  # empty where the run did not finish
    fits_prior: bool  # whether training drew the codes towards the prior

    num_classes: int | None = None  # the classes that it is conditioned on

    @torch.no_grad()
    def encode(self, images: Tensor, labels: Tensor | int | None = None) -> Distribution:
        """The posterior q(z | x): `.mean` and `.sample()` have shape (B, *latent)."""
        self._check(images)
        return self.model.encode(images, self._one_hot(labels, len(images)))

    @torch.no_grad()
    def decode(self, z: Tensor, labels: Tensor | int | None = None) -> Distribution:
        """The likelihood p(x | z): `.mean` is the image, `.log_prob(x)` is in nats."""
        return self.model.decode(z, self._one_hot(labels, len(z)))

    @torch.no_grad()
    def sample(self, n: int, labels: Tensor | int | None = None) -> Tensor:
        """The means of p(x | z) at `n` latent vectors drawn from the prior: images of shape (n, C, H, W).

        Raises:
            UserError: where training left the prior aside, as a plain autoencoder's does.
        """
        if not self.fits_prior:
            raise UserError(
                "this model has no samples: its objective did not draw the codes towards the prior, so the decoder "
                "does not know what the prior draws; train with another, such as objective=elbo posterior=diagonal"
            )
        return self.model.generate(n, self._one_hot(labels, n)).mean

    @torch.no_grad()
    def reconstruct(self, images: Tensor, labels: Tensor | int | None = None) -> Tensor:
        """The means of p(x | z) at the posteriors' means (or modes): images of shape (B, C, H, W)."""
        self._check(images)
        c = self._one_hot(labels, len(images))
        return self.model.decode(self.model.code(images, c), c).mean

    def _check(self, images: Tensor) -> None:
        if tuple(images.shape[1:]) != self.image_shape:
            raise ValueError(f"images of shape (B, {', '.join(map(str, self.image_shape))}), not {(*images.shape,)}")

    def _one_hot(self, labels: Tensor | int | None, num: int) -> Tensor | None:
        """The classes of `num` images, of which one number may stand for all."""
        if (labels is None) != (self.num_classes is None):
            raise ValueError(
                "this model is not conditioned on the class: leave out the labels"
                if self.num_classes is None
                else f"this model is conditioned on the class: give labels from 0 to {self.num_classes - 1}"
            )
        if labels is None or self.num_classes is None:
            return None
        return one_hot(torch.as_tensor(labels).expand(num), self.num_classes).to(next(self.model.parameters()))


def load(run_dir: str | Path) -> Trained:
    """The best model of a run, with its configuration, on the CPU.

    Nothing that a checkpoint contains is executed: only tensors and plain containers are read from it.

    Args:
        run_dir: a run's folder, such as `outputs/runs/2026-01-31/12-00-00-000000`.

    Raises:
        UserError: where the folder holds no run, or a run without a checkpoint.
    """
    folder = RunFolder(Path(run_dir))
    config = folder.read_config()
    if config is None or not folder.best_checkpoint.is_file():
        missing = folder.config if config is None else folder.best_checkpoint
        raise UserError(f"{run_dir}: this is no run with a trained model, there is no {missing}")
    checkpoint: dict[str, Any] = torch.load(folder.best_checkpoint, map_location="cpu", weights_only=True)
    weights = {
        name.removeprefix("model."): value
        for name, value in checkpoint["state_dict"].items()
        if name.startswith("model.")
    }
    image_shape = tuple(checkpoint["image_shape"])
    model = build.model(config, image_shape, torch.zeros(image_shape), checkpoint["num_classes"])
    model.to(next(iter(weights.values())).dtype)  # first: single precision would round weights of double precision
    model.load_state_dict(weights)
    metrics = results.read_metrics(folder.metrics) if folder.metrics.is_file() else {}
    fits_prior = get_object(config.objective["_target_"]).fits_prior
    return Trained(
        model.eval().requires_grad_(False), config, image_shape, metrics, fits_prior, checkpoint["num_classes"]
    )
