"""Compare models of two latent units: their codes, coloured by class, and images decoded from the latent plane."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig

from vae_lab.configuration.processes import is_first
from vae_lab.errors import UserError
from vae_lab.reports.configurations import label, value_of, varying_keys
from vae_lab.reports.quoting import in_figure
from vae_lab.runs.folder import RunFolder
from vae_lab.runs.reading import Run, read_runs
from vae_lab.runs.sweep_folder import SweepFolder

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NUM_CODES = 5000
SIDE = 8  # samples along each side of the grid


class LatentPlanes(Callback):
    """Draws `figures/latent_planes.png` of a sweep's runs with the first seed, after its last job."""

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        # Imported here, since matplotlib takes time and Hydra makes callbacks at the start of every command.
        from vae_lab.reports.drawing import save

        sweep_dir = Path(config.hydra.sweep.dir)
        runs = [run for run in read_runs([sweep_dir]) if run.status == "finished"]
        shown = [run for run in runs if run.seed == runs[0].seed]
        if shown and is_first():
            folder = SweepFolder(sweep_dir)
            try:
                picture = latent_planes(shown)
            except UserError as error:
                sys.exit(str(error))  # Hydra would turn it into a warning
            save(picture, folder, folder.figures / "latent_planes.png")


def latent_planes(runs: list[Run]) -> "Figure":
    """Draw the codes of test images, coloured by class, above images decoded from random codes.

    The random codes are drawn from the prior if training fitted the codes to it, else from a normal distribution with
    the codes' own mean and covariance. The reconstruction error is the squared error of the image at each test image's
    code, summed over pixels, in both cases.

    Args:
        runs: finished runs of two latent units.
    """
    from matplotlib.figure import Figure

    picture = Figure(figsize=(5.2 * len(runs), 10), layout="constrained")
    axes = picture.subplots(2, len(runs), squeeze=False)
    keys = varying_keys(runs)
    for run, plane, samples in zip(runs, *axes, strict=True):
        draw(run, label({key: value_of(run, key) for key in keys}), plane, samples)
    return picture


def draw(run: Run, name: str, plane: "Axes", samples: "Axes") -> None:
    """Draw the two panels of a run.

    Args:
        run: a finished run of two latent units.
        name: its title.
        plane: the panel of the codes.
        samples: the panel of the images.
    """
    import torch

    from vae_lab import load
    from vae_lab.data.batches import to_unit
    from vae_lab.data.classes import MOST_LISTED
    from vae_lab.reports import pictures
    from vae_lab.runs.saved_data import check_data, read_data

    trained = load(run.folder)
    data = read_data(RunFolder(run.folder), trained.config)
    check_data(RunFolder(run.folder), trained.config, data, allow=False)
    test = data.test.take(slice(NUM_CODES))
    images = to_unit(test.images)
    with torch.no_grad():
        codes = trained.model.code(images)  # (N, 2)
        error = (trained.model.decode(codes).mean - images).square().flatten(1).sum(1).mean()
        noise = torch.randn(SIDE**2, 2, generator=torch.Generator().manual_seed(0))
        if trained.fits_prior:
            z, source = noise, "the prior"
        else:
            z = codes.mean(0) + noise @ torch.linalg.cholesky(torch.cov(codes.T)).T
            source = "a normal distribution fitted to the codes"
        drawn = pictures.grid(trained.model.decode(z).mean, SIDE)  # (3, height, width)
    scatter = plane.scatter(codes[:, 0], codes[:, 1], c=test.labels, cmap="tab10", s=3, alpha=0.6)
    labels = sorted(set(test.labels.tolist()))[:MOST_LISTED]
    handles, _ = scatter.legend_elements(num=labels)
    classes = [in_figure(data.class_names.get(label, str(label))) for label in labels]
    plane.legend(handles, classes, fontsize=7, loc="upper right", title="class", title_fontsize=7)
    plane.set_aspect("equal", "datalim")
    plane.set_title(f"{in_figure(name)}\nsquared error {error:.2f} per test image", fontsize=10)
    samples.imshow(drawn.permute(1, 2, 0))
    samples.set_axis_off()
    samples.set_title(f"images at z from {source}", fontsize=10)
