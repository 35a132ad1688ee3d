"""Models of two latent units side by side: where the codes of each class lie, and what is decoded from there."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig

from vae_lab.configuration.processes import is_first
from vae_lab.reports.configurations import label, value_of, varying
from vae_lab.runs.folder import RunFolder
from vae_lab.runs.reading import Run, read_runs

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NUM_CODES = 5000
SIDE = 8  # samples along each side of their grid


class LatentPlanes(Callback):
    """Draws `figures/latent_planes.png` when the last job of a sweep is done, of its runs with the first seed."""

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        # Not for commands that end before any job does.
        from vae_lab.reports.drawing import save

        sweep_dir = Path(config.hydra.sweep.dir)
        runs = [run for run in read_runs([sweep_dir]) if run.status == "finished"]
        shown = [run for run in runs if run.seed == runs[0].seed]
        if shown and is_first():
            save(latent_planes(shown), RunFolder(sweep_dir).figures / "latent_planes.png")


def latent_planes(runs: list[Run]) -> "Figure":
    """Codes of test images, coloured by class, above images at codes drawn from the prior or from where codes lie.

    The prior is what samples are drawn from where training drew the codes towards it; elsewhere it is the normal law
    with the codes' own mean and covariance, which is as much as is known of them. The reconstruction error is the
    squared error of the image at each test image's code, summed over pixels, in both cases.

    Args:
        runs: finished runs of two latent units.
    """
    from matplotlib.figure import Figure

    picture = Figure(figsize=(5.2 * len(runs), 10), layout="constrained")
    axes = picture.subplots(2, len(runs), squeeze=False)
    keys = varying(runs)
    for run, plane, samples in zip(runs, *axes, strict=True):
        draw(run, label({key: value_of(run, key) for key in keys}), plane, samples)
    return picture


def draw(run: Run, name: str, plane: "Axes", samples: "Axes") -> None:
    """The two panels of a run."""
    import torch

    from vae_lab import build, load
    from vae_lab.data.batches import to_unit
    from vae_lab.reports import pictures

    trained = load(run.folder)
    test = build.data(trained.config).test.take(slice(NUM_CODES))
    images = to_unit(test.images)
    with torch.no_grad():
        codes = trained.model.code(images)  # (N, 2)
        error = (trained.model.decode(codes).mean - images).square().flatten(1).sum(1).mean()
        noise = torch.randn(SIDE**2, 2, generator=torch.Generator().manual_seed(0))
        if trained.fits_prior:
            z, source = noise, "the prior"
        else:
            z = codes.mean(0) + noise @ torch.linalg.cholesky(torch.cov(codes.T)).T
            source = "a normal law fitted to the codes"
        drawn = pictures.grid(trained.model.decode(z).mean, SIDE)  # (3, height, width)
    scatter = plane.scatter(codes[:, 0], codes[:, 1], c=test.labels, cmap="tab10", s=3, alpha=0.6)
    plane.legend(*scatter.legend_elements(), fontsize=7, loc="upper right", title="class", title_fontsize=7)
    plane.set_aspect("equal", "datalim")
    plane.set_title(f"{name}\nsquared error {error:.2f} per test image", fontsize=10)
    samples.imshow(drawn.permute(1, 2, 0))
    samples.set_axis_off()
    samples.set_title(f"images at z from {source}", fontsize=10)
