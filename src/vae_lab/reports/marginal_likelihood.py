"""The marginal likelihood against the training images seen: Kingma & Welling 2014, figure 3.

https://arxiv.org/abs/1312.6114. The runs have logged it by `vae_lab.marginal_likelihood.MarginalLikelihood`.
"""

from pathlib import Path
from typing import Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig

from vae_lab.reports.images_seen import Line, draw_sweep


def lines_of(estimate: str) -> list[Line]:
    """The curves of an estimate of log p(x), by its name in the log."""
    return [Line("training", f"train/{estimate}", 0, ".--"), Line("validation", f"val/{estimate}", 0, ".-")]


ROWS = {
    "log p(x), posterior samples\n(nats per image)": lines_of("log_px"),
    "log p(x), importance sampling\n(nats per image)": lines_of("log_px_importance"),
}


class MarginalLikelihood(Callback):
    """Draws `figures/marginal_likelihood.png` when the last job of a sweep is done.

    Args:
        panels: the key that has a panel for each of its values.
        lines: the key that has a colour for each of its values.
    """

    def __init__(self, panels: str, lines: str) -> None:
        self.panels = panels
        self.lines = lines

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        draw_sweep(Path(config.hydra.sweep.dir), "marginal_likelihood", ROWS, self.panels, self.lines)
