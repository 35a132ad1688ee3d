"""The VampPrior: a variational mixture of posteriors."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from vae_lab.configuration.options import NonNegativeFloat, Size
from vae_lab.distributions.mixture import Mixture
from vae_lab.priors.prior import EncoderPrior


class VampPrior(EncoderPrior):
    """p(z) = 1/K sum_k q(z | u_k), a mixture of the posteriors of K learned pseudo-inputs u_k.

    The posteriors are those of the model's own encoder. Tomczak & Welling 2018, equation 9,
    https://arxiv.org/abs/1705.07120. A sigmoid keeps the pixels of the pseudo-inputs in [0, 1], where the paper clips
    them: most pixels of digits start at the edge of that range, and outside of a clip they would have no gradient.

    Args:
        latent_dim: D, the units of z.
        num_pseudo_inputs: K.
        initial_noise: standard deviation, in logits, of the initial pseudo-inputs around the mean image.

    Attributes:
        pseudo_logits: the pseudo-inputs before the sigmoid, of shape (K, C, H, W).
        weight_logits: the logits of the equal weights 1/K, all zero, of shape (K,).
    """

    space = "real"
    is_diagonal = False
    is_fixed = False
    needs_labels = False
    weight_logits: Tensor
    pseudo_logits: nn.Parameter

    def __init__(self, latent_dim: int, num_pseudo_inputs: Size = 500, initial_noise: NonNegativeFloat = 1.0) -> None:
        super().__init__(latent_dim)
        self.initial_noise = initial_noise
        self.register_buffer("weight_logits", torch.zeros(num_pseudo_inputs), persistent=False)

    def introduce(self, encode: Callable[[Tensor], Distribution], pixel_mean: Tensor) -> None:
        # A function, not a module, so that the encoder's parameters are not registered a second time.
        self._encode = encode
        centre = pixel_mean.clamp(0.05, 0.95).logit()  # closer to 0 or 1 the gradient of the sigmoid would be too small
        noise = torch.randn(len(self.weight_logits), *pixel_mean.shape)
        self.pseudo_logits = nn.Parameter(centre + self.initial_noise * noise)

    @property
    def pseudo_inputs(self) -> Tensor:
        """The images u_k, of shape (K, C, H, W), in [0, 1]."""
        return self.pseudo_logits.sigmoid()

    def forward(self, c: Tensor | None = None) -> Distribution:
        return Mixture(self._encode, self.pseudo_inputs, self.weight_logits)
