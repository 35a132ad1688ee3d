"""Distributions that torch.distributions lacks, for posteriors, priors and the closed forms of their divergences."""

from typing import TYPE_CHECKING

from vae_lab.configuration.public_names import lazy_names

if TYPE_CHECKING:
    from vae_lab.distributions.conditional import Conditional as Conditional
    from vae_lab.distributions.delta import Delta as Delta
    from vae_lab.distributions.flows import FlowDistribution as FlowDistribution
    from vae_lab.distributions.mixture import Mixture as Mixture
    from vae_lab.distributions.one_hot import GumbelSoftmax as GumbelSoftmax
    from vae_lab.distributions.pushforward import CholeskyNormal as CholeskyNormal
    from vae_lab.distributions.pushforward import Pushforward as Pushforward
    from vae_lab.distributions.sphere import PowerSpherical as PowerSpherical
    from vae_lab.distributions.sphere import UniformSphere as UniformSphere

__getattr__, __dir__ = lazy_names(__name__)
