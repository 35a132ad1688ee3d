"""The marginal likelihood against the training images seen, as in Kingma & Welling 2014, figure 3.

https://arxiv.org/abs/1312.6114. The runs must log it with the callback `vae_lab.training.TrackMarginalLikelihood`.
"""

from typing import ClassVar

from vae_lab.reports.images_seen import AgainstImages, Line


def lines_of(estimate: str) -> list[Line]:
    """Return the curves of an estimate of log p(x), by its name in the log."""
    return [Line("training", f"train/{estimate}", 0, ".--"), Line("validation", f"val/{estimate}", 0, ".-")]


class MarginalLikelihoodFigure(AgainstImages):
    """Draws both estimates of log p(x) on training and on validation images."""

    name = "marginal_likelihood"
    rows: ClassVar = {
        "log p(x), posterior samples\n(nats per image)": lines_of("log_px"),
        "log p(x), importance sampling\n(nats per image)": lines_of("log_px_importance"),
    }
