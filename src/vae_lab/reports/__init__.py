"""The report of a sweep: one table and its figures."""

from typing import TYPE_CHECKING

from vae_lab.configuration.public_names import lazy_names

if TYPE_CHECKING:
    from vae_lab.reports.latent_planes import LatentPlanes as LatentPlanes
    from vae_lab.reports.lower_bound import LowerBound as LowerBound
    from vae_lab.reports.marginal_likelihood import MarginalLikelihoodFigure as MarginalLikelihoodFigure
    from vae_lab.reports.published import BesidePublished as BesidePublished

__getattr__, __dir__ = lazy_names(__name__)
