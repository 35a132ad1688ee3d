"""The lower bound against the training images seen: Kingma & Welling 2014, figure 2, https://arxiv.org/abs/1312.6114."""

from pathlib import Path
from typing import Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig

from vae_lab.reports.images_seen import Line, draw_sweep

ROWS = {"ELBO (nats per image)": [Line("training", "train/elbo", 0, "--"), Line("validation", "val/elbo", 1, "-")]}


class LowerBound(Callback):
    """Draws `figures/lower_bound.png` when the last job of a sweep is done.

    Args:
        panels: the key that has a panel for each of its values.
        lines: the key that has a colour for each of its values.
    """

    def __init__(self, panels: str, lines: str) -> None:
        self.panels = panels
        self.lines = lines

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        draw_sweep(Path(config.hydra.sweep.dir), "lower_bound", ROWS, self.panels, self.lines)
