"""Priors p(z): distributions of the latent variable that do not depend on the image."""

from typing import TYPE_CHECKING

from vae_lab.configuration.public_names import lazy_names

if TYPE_CHECKING:
    from vae_lab.priors.flow import FlowPrior as FlowPrior
    from vae_lab.priors.label_normal import LabelNormal as LabelNormal
    from vae_lab.priors.mixture import MixtureOfNormals as MixtureOfNormals
    from vae_lab.priors.prior import EncoderPrior as EncoderPrior
    from vae_lab.priors.prior import Prior as Prior
    from vae_lab.priors.standard_normal import StandardNormal as StandardNormal
    from vae_lab.priors.uniform import UniformCategorical as UniformCategorical
    from vae_lab.priors.uniform import UniformSphere as UniformSphere
    from vae_lab.priors.vamp import VampPrior as VampPrior

__getattr__, __dir__ = lazy_names(__name__)
