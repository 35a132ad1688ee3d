"""The lower bound against the training images seen: Kingma & Welling 2014, figure 2, https://arxiv.org/abs/1312.6114."""

from typing import ClassVar

from vae_lab.reports.images_seen import AgainstImages, Line


class LowerBound(AgainstImages):
    """Draws the ELBO on training and on validation images."""

    name = "lower_bound"
    rows: ClassVar = {
        "ELBO (nats per image)": (Line("training", "train/elbo", 0, "--"), Line("validation", "val/elbo", 1, "-"))
    }
