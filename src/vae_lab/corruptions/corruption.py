"""What every corruption is."""

from abc import ABC, abstractmethod

from torch import Tensor, nn

from vae_lab.configuration.options import CorruptionPhase


class Corruption(nn.Module, ABC):
    """A random map C(x' | x) in front of the encoder: q(z | x') is inferred from x', and scored on the clean x.

    E_C(x' | x) E_q(z | x') [log p(x, z) - log q(z | x')] <= log p(x)

    For every x' it is the ELBO of the clean image with another posterior, so the figures stay bounds on its
    log-likelihood: Im et al. 2017, https://arxiv.org/abs/1511.06406. The noise is fresh at every call, drawn from
    the default generators, which every training and evaluation step puts at their own position.

    Args:
        when: `training` corrupts training images only, and validation, testing, pictures and the loaded model infer
            from what they are given: their figures are the plain ones, comparable with any other model's. `always`
            corrupts there too: the figures and pictures then tell how well the model denoises.
    """

    def __init__(self, when: CorruptionPhase) -> None:
        super().__init__()
        self.when = when

    def forward(self, x: Tensor) -> Tensor:
        return self.corrupt(x) if self.training or self.when == "always" else x

    @abstractmethod
    def corrupt(self, x: Tensor) -> Tensor:
        """Images (*batch, C, H, W) with fresh noise."""
