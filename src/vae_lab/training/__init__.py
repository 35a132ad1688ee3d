"""Training: the LightningModule, its callbacks, and one run, from its configuration to its metrics."""

from typing import TYPE_CHECKING

from vae_lab.configuration.public_names import lazy_names

if TYPE_CHECKING:
    from vae_lab.training.figures import Figures as Figures
    from vae_lab.training.marginal_likelihood import TrackMarginalLikelihood as TrackMarginalLikelihood
    from vae_lab.training.module import TrainingModule as TrainingModule
    from vae_lab.training.per_image import PerImage as PerImage
    from vae_lab.training.progress import Progress as Progress

__getattr__, __dir__ = lazy_names(__name__)
