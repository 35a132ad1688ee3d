"""A trained run, back in Python."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from hydra.utils import get_object
from omegaconf import DictConfig, OmegaConf
from torch import Tensor
from torch.distributions import Distribution

from vae_lab import build, results
from vae_lab.errors import UserError
from vae_lab.model import LatentModel


@dataclass(frozen=True)
class Trained:
    """A trained model, with what is known about it.

    Images are of shape (B, C, H, W) in [0, 1], as the model saw them (binarised, for a Bernoulli likelihood).
    """

    model: LatentModel
    config: DictConfig
    image_shape: tuple[int, ...]  # channels, height, width
    metrics: results.Metrics  # empty where the run did not finish
    fits_prior: bool  # whether training drew the codes towards the prior

    @torch.no_grad()
    def encode(self, images: Tensor) -> Distribution:
        """The posterior q(z | x): `.mean` and `.sample()` have shape (B, *latent)."""
        self._check(images)
        return self.model.encode(images)

    @torch.no_grad()
    def decode(self, z: Tensor) -> Distribution:
        """The likelihood p(x | z): `.mean` is the image, `.log_prob(x)` is in nats."""
        return self.model.decode(z)

    @torch.no_grad()
    def sample(self, n: int) -> Tensor:
        """The means of p(x | z) at `n` latent vectors drawn from the prior: images of shape (n, C, H, W).

        Raises:
            UserError: where training left the prior aside, as a plain autoencoder's does.
        """
        if not self.fits_prior:
            raise UserError(
                "this model has no samples: its objective did not draw the codes towards the prior, so the decoder "
                "does not know what the prior draws; train with another, such as objective=elbo posterior=diagonal"
            )
        return self.model.generate(n).mean

    @torch.no_grad()
    def reconstruct(self, images: Tensor) -> Tensor:
        """The means of p(x | z) at the posteriors' means (or modes): images of shape (B, C, H, W)."""
        self._check(images)
        return self.decode(self.model.code(images)).mean

    def _check(self, images: Tensor) -> None:
        if tuple(images.shape[1:]) != self.image_shape:
            raise ValueError(f"images of shape (B, {', '.join(map(str, self.image_shape))}), not {(*images.shape,)}")


def load(run_dir: str | Path) -> Trained:
    """The best model of a run, with its configuration, on the CPU.

    Nothing that a checkpoint contains is executed: only tensors and plain containers are read from it.

    Args:
        run_dir: a run's folder, such as `outputs/runs/2026-01-31/12-00-00-000000`.

    Raises:
        UserError: where the folder holds no run, or a run without a checkpoint.
    """
    run_dir = Path(run_dir)
    config_path, checkpoint_path = run_dir / ".hydra" / "config.yaml", run_dir / "checkpoints" / "best.ckpt"
    for path in (config_path, checkpoint_path):
        if not path.is_file():
            raise UserError(f"{run_dir}: this is no run with a trained model, there is no {path}")
    config = OmegaConf.load(config_path)
    assert isinstance(config, DictConfig)
    checkpoint: dict[str, Any] = torch.load(checkpoint_path, map_location="cpu", weights_only=True)
    weights = {
        name.removeprefix("model."): value
        for name, value in checkpoint["state_dict"].items()
        if name.startswith("model.")
    }
    image_shape = tuple(checkpoint["image_shape"])
    model = build.model(config, image_shape, torch.zeros(image_shape))
    model.load_state_dict(weights)
    model.to(next(iter(weights.values())).dtype)
    metrics_path = run_dir / results.METRICS
    metrics = results.read_metrics(metrics_path) if metrics_path.is_file() else {}
    fits_prior = get_object(config.objective["_target_"]).fits_prior
    return Trained(model.eval().requires_grad_(False), config, image_shape, metrics, fits_prior)
