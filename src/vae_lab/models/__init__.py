"""Latent-variable models: with one stochastic layer, with several, and without an encoder (a GAN's generator)."""

from typing import TYPE_CHECKING

from vae_lab.configuration.public_names import lazy_names

if TYPE_CHECKING:
    from vae_lab.models.generator import Generator as Generator
    from vae_lab.models.hierarchy import Hierarchy as Hierarchy
    from vae_lab.models.ladder import Ladder as Ladder
    from vae_lab.models.latent_model import Latent as Latent
    from vae_lab.models.latent_model import LatentModel as LatentModel
    from vae_lab.models.latent_model import Trace as Trace
    from vae_lab.models.two_layer import TwoLayer as TwoLayer
    from vae_lab.models.vae import VAE as VAE

__getattr__, __dir__ = lazy_names(__name__)
