"""Approximate posteriors q(z | x): distributions of z whose parameters are the encoder's output."""

from typing import TYPE_CHECKING

from vae_lab.configuration.public_names import lazy_names

if TYPE_CHECKING:
    from vae_lab.posteriors.categorical import Categorical as Categorical
    from vae_lab.posteriors.delta import Delta as Delta
    from vae_lab.posteriors.flows import InverseAutoregressiveFlow as InverseAutoregressiveFlow
    from vae_lab.posteriors.flows import SplineFlow as SplineFlow
    from vae_lab.posteriors.gumbel_softmax import GumbelSoftmax as GumbelSoftmax
    from vae_lab.posteriors.normal import DiagonalNormal as DiagonalNormal
    from vae_lab.posteriors.normal import FullCovarianceNormal as FullCovarianceNormal
    from vae_lab.posteriors.posterior import Posterior as Posterior
    from vae_lab.posteriors.spherical import Spherical as Spherical

__getattr__, __dir__ = lazy_names(__name__)
