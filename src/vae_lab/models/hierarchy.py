"""The base class of the `model` options with several stochastic layers."""

from abc import ABC, abstractmethod
from typing import ClassVar

from vae_lab.likelihoods.likelihood import Likelihood
from vae_lab.models.latent_model import LatentModel
from vae_lab.networks.wrapper import NetworkWrapper
from vae_lab.priors.prior import Prior


class Hierarchy(ABC):
    """The base class of recipes for a model with several stochastic layers, whose posteriors are diagonal normals.

    Attributes:
        has_own_posteriors: whether the model makes its own posteriors, so that it takes none from the option
            `posterior`; read by the configuration check.
    """

    has_own_posteriors: ClassVar[bool] = True

    @abstractmethod
    def assemble(self, wrapper: NetworkWrapper, latent_dim: int, prior: Prior, likelihood: Likelihood) -> LatentModel:
        """Build the model.

        Args:
            wrapper: adds conditioning, corruption and the output bias to the image encoder and the image decoder.
            latent_dim: units of the top layer.
            prior: the prior of the top layer.
            likelihood: the family p(x | z_1).
        """
