"""Load a trained run in Python."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from hydra.utils import get_object
from omegaconf import DictConfig
from torch import Tensor
from torch.distributions import Distribution

from vae_lab.configuration import own_parts
from vae_lab.configuration.data_paths import with_found_paths
from vae_lab.data.classes import Names, condition, listed
from vae_lab.errors import UserError
from vae_lab.models.latent_model import LatentModel
from vae_lab.runs.checkpoint import read_checkpoint
from vae_lab.runs.declared_sizes import build_saved, classes_of
from vae_lab.runs.folder import RunFolder
from vae_lab.runs.metrics import Metrics, read_metrics
from vae_lab.runs.record import check_settings, class_names_of
from vae_lab.runs.saved_data import started_in
from vae_lab.runs.trust import check_trusted, plain_containers


@dataclass(frozen=True)
class Trained:
    """A trained model with its configuration and metrics.

    Images are of shape (B, C, H, W), with pixels in [0, 1], as the model saw them in training (binarised, for a
    Bernoulli likelihood). A model that was trained with condition=label also needs their classes: labels of shape
    (B,), or one label or name for all images.

    Attributes:
        model: the model.
        config: the run's configuration.
        image_shape: channels, height, width.
        metrics: the run's metrics; empty if it did not finish.
        fits_prior: whether training fitted the codes to the prior.
        classes: the labels of the classes that the model is conditioned on, those of its training; or None.
        class_names: the names of the classes by their labels, if the data set has any.
    """

    model: LatentModel
    config: DictConfig
    image_shape: tuple[int, ...]
    metrics: Metrics
    fits_prior: bool
    classes: tuple[int, ...] | None = None
    class_names: Names = field(default_factory=dict)

    @torch.no_grad()
    def encode(self, images: Tensor, labels: Tensor | int | str | None = None) -> Distribution:
        """Return the posterior q(z | x): `.mean` and `.sample()` have shape (B, *latent).

        Args:
            images: of shape (B, C, H, W).
            labels: their classes, if the model is conditioned on them.

        Raises:
            ValueError: if the images have another shape, or the labels are missing or superfluous.
        """
        self._check(images)
        return self.model.encode(images, self._one_hot(labels, len(images)))

    @torch.no_grad()
    def decode(self, z: Tensor, labels: Tensor | int | str | None = None) -> Distribution:
        """Return the likelihood p(x | z): `.mean` is the image, of shape (B, C, H, W), and `.log_prob(x)` is in nats.

        Args:
            z: latent variables, of shape (B, *latent).
            labels: the classes, if the model is conditioned on them.

        Raises:
            ValueError: if the labels are missing or superfluous.
        """
        return self.model.decode(z, self._one_hot(labels, len(z)))

    @torch.no_grad()
    def sample(self, n: int, labels: Tensor | int | str | None = None) -> Tensor:
        """Return the means of p(x | z) at `n` latent vectors drawn from the prior: images of shape (n, C, H, W).

        Args:
            n: the number of images.
            labels: their classes, if the model is conditioned on them.

        Raises:
            UserError: if training did not fit the codes to the prior, as in a plain autoencoder.
            ValueError: if the labels are missing or superfluous.
        """
        if not self.fits_prior:
            raise UserError(
                "this model has no samples, because its objective does not fit the codes to the prior, so the decoder "
                "was not trained on latent vectors of the prior; train with objective=elbo posterior=diagonal"
            )
        return self.model.generate(n, self._one_hot(labels, n)).mean

    @torch.no_grad()
    def reconstruct(self, images: Tensor, labels: Tensor | int | str | None = None) -> Tensor:
        """Return the means of p(x | z) at the posteriors' means (or modes): images of shape (B, C, H, W).

        Args:
            images: of shape (B, C, H, W).
            labels: their classes, if the model is conditioned on them.

        Raises:
            ValueError: if the images have another shape, or the labels are missing or superfluous.
        """
        self._check(images)
        c = self._one_hot(labels, len(images))
        return self.model.decode(self.model.code(images, c), c).mean

    def _check(self, images: Tensor) -> None:
        if tuple(images.shape[1:]) != self.image_shape:
            expected = ", ".join(map(str, self.image_shape))
            raise ValueError(f"images: expected shape (B, {expected}), got {(*images.shape,)}")

    def _one_hot(self, labels: Tensor | int | str | None, num: int) -> Tensor | None:
        """Return the one-hot classes of `num` images, of shape (num, classes); None without a condition."""
        if self.classes is None and labels is not None:
            raise ValueError("this model is not conditioned on the class: leave out the labels")
        if self.classes is None:
            return None
        known = {name: label for label, name in self.class_names.items()}
        found = known.get(labels) if isinstance(labels, str) else labels
        if found is None or not set(torch.as_tensor(found).unique().tolist()) <= set(self.classes):
            raise ValueError(
                f"labels={labels}: this model is conditioned on the class: give those of its training, "
                f"{listed(self.classes, self.class_names)}"
            )
        return condition(torch.as_tensor(found).expand(num), self.classes).to(next(self.model.parameters()))


def load(run_dir: str | Path, allow: Sequence[str] = ()) -> Trained:
    """Load the best model of a run, with its configuration, on the CPU.

    The folder may be a stranger's: only tensors and plain containers are read from the checkpoint, and only classes of
    vae_lab, and some of torch and lightning, are built from the configuration.

    Args:
        run_dir: a run's folder, such as `outputs/runs/2026-01-31/12-00-00-000000`.
        allow: top-level modules whose classes may be built as well, such as `my_package`.

    Raises:
        UserError: if the folder holds no run, a run without a checkpoint, or one that names other classes.
    """
    own_parts.allow(allow)
    folder = RunFolder(Path(run_dir))
    config = folder.read_config()
    if config is None or not folder.best_checkpoint.is_file():
        missing = folder.config if config is None else folder.best_checkpoint
        raise UserError(f"{run_dir}: expected the folder of a trained run, but there is no {missing}")
    check_trusted(plain_containers(config), folder.config)
    config = with_found_paths(config, started_in(folder))
    checkpoint = read_checkpoint(folder.best_checkpoint)
    check_settings(folder, checkpoint, folder.best_checkpoint)
    model = build_saved(config, checkpoint, folder.best_checkpoint)
    metrics = read_metrics(folder.metrics) if folder.metrics.is_file() else {}
    fits_prior = get_object(config.objective["_target_"]).fits_prior
    return Trained(
        model.eval().requires_grad_(False),
        config,
        tuple(checkpoint["image_shape"]),
        metrics,
        fits_prior,
        classes_of(checkpoint, folder.best_checkpoint),
        class_names_of(folder),
    )
