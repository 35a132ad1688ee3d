"""Encoders and decoders: deterministic maps between images, latent vectors and the parameters of distributions."""

from typing import TYPE_CHECKING

from vae_lab.configuration.public_names import lazy_names

if TYPE_CHECKING:
    from vae_lab.networks.architecture import Architecture as Architecture
    from vae_lab.networks.conv import Conv as Conv
    from vae_lab.networks.dense import MLP as MLP
    from vae_lab.networks.dense import Linear as Linear
    from vae_lab.networks.initialization import GlorotUniform as GlorotUniform
    from vae_lab.networks.initialization import Initialization as Initialization
    from vae_lab.networks.initialization import Normal as Normal
    from vae_lab.networks.resnet import ResNet as ResNet

__getattr__, __dir__ = lazy_names(__name__)
