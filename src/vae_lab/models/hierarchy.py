"""What a choice of `model` provides that has several stochastic layers."""

from abc import ABC, abstractmethod
from typing import ClassVar

from vae_lab.likelihoods.likelihood import Likelihood
from vae_lab.models.latent_model import LatentModel
from vae_lab.networks.wrapper import NetworkWrapper
from vae_lab.priors.prior import Prior


class Hierarchy(ABC):
    """A recipe for a model with several stochastic layers, whose posteriors are diagonal normals of its own.

    Attributes:
        has_own_posteriors: whether the model has posteriors of its own, as every hierarchy has.
    """

    has_own_posteriors: ClassVar[bool] = True

    @abstractmethod
    def assemble(self, frame: NetworkWrapper, latent_dim: int, prior: Prior, likelihood: Likelihood) -> LatentModel:
        """The model.

        Args:
            frame: what its image encoder and its image decoder are put in.
            latent_dim: units of the top layer.
            prior: the law of the top layer.
            likelihood: the family p(x | z_1).
        """
