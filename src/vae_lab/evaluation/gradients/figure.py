"""The figure of the noise of gradient estimators."""

from collections.abc import Mapping
from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.patches import Patch

from vae_lab.evaluation.gradients.estimators import IMPORTANCE_WEIGHTED
from vae_lab.evaluation.gradients.noise import Noise
from vae_lab.reports.drawing import save
from vae_lab.runs.owned import OwnedFolder

COLOURS = {"of the ELBO": "#4477aa", "of the importance-weighted bound": "#cc6677"}


def draw(found: Mapping[str, Noise], title: str, folder: OwnedFolder, path: Path) -> None:
    """Draw a bar for each estimator, its length the logarithm of the gradient's variance, and write it to a file."""
    names = [*found]
    variances = [found[name].variance for name in names]
    errors = [found[name].standard_error for name in names]
    elbo, bound = COLOURS.values()
    figure = Figure(figsize=(8, 0.9 + 0.42 * len(names)), layout="constrained")
    axes = figure.add_subplot()
    axes.barh(
        names,
        variances,
        xerr=errors,
        color=[bound if name in IMPORTANCE_WEIGHTED else elbo for name in names],
        ecolor="black",
        capsize=3,
    )
    axes.set_xscale("log")
    axes.invert_yaxis()
    for row, variance in enumerate(variances):
        axes.annotate(
            f"{float(f'{variance:.3g}'):,.10g}", (variance, row), (8, 0), textcoords="offset points", va="center"
        )
    axes.margins(x=0.2)
    axes.set_xlabel("variance of the gradient (trace of its covariance), nats²")
    axes.set_title(title, fontsize=10)
    handles = [Patch(color=colour, label=f"gradient {of}") for of, colour in COLOURS.items()]
    axes.legend(handles=handles, fontsize=9, loc="lower right")
    axes.spines[["top", "right"]].set_visible(False)
    save(figure, folder, path)
