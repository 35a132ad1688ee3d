"""The VAE with two stochastic layers, inferred from the image upwards."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from vae_lab.configuration.options import Activation, Size
from vae_lab.distributions.conditional import at_least_float32
from vae_lab.distributions.detached import detach_parameters
from vae_lab.likelihoods.likelihood import Likelihood
from vae_lab.models.hierarchy import Hierarchy
from vae_lab.models.latent_model import JointSample, LatentModel, Trace, draw, draw_from_prior, make_latent
from vae_lab.networks.architecture import OutputBias
from vae_lab.networks.condition import apply_conditioned
from vae_lab.networks.dense import MLP
from vae_lab.networks.frozen import apply_frozen
from vae_lab.networks.wrapper import NetworkWrapper
from vae_lab.posteriors.normal import DiagonalNormal
from vae_lab.priors.prior import Prior


class TwoLayerVAE(LatentModel):
    """The two-layer VAE p(z2) p(z1 | z2) p(x | z1), with q(z1 | x) q(z2 | z1).

    Burda et al. 2016, section 5 and figure 1, https://arxiv.org/abs/1509.00519.

    `encode` returns q(z1 | x) and `decode` p(x | z1): the code is the layer next to the image.

    Args:
        encoder: maps images to the parameters of q(z1 | x).
        upper_encoder: maps z1 to the parameters of q(z2 | z1).
        prior: the distribution p(z2).
        upper_decoder: maps z2 to the parameters of p(z1 | z2).
        decoder: maps z1 to the parameters of p(x | z1).
        likelihood: the family p(x | z1).
        dims: D1 and D2, the units of z1 and of z2.
    """

    has_encoder = True
    has_elbo = True
    space = "real"

    def __init__(
        self,
        encoder: nn.Module,
        upper_encoder: nn.Module,
        prior: Prior,
        upper_decoder: nn.Module,
        decoder: nn.Module,
        likelihood: Likelihood,
        dims: tuple[int, int],
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.upper_encoder = upper_encoder
        self.prior = prior
        self.upper_decoder = upper_decoder
        self.decoder = decoder
        self.likelihood = likelihood
        self.lower_distribution = DiagonalNormal(dims[0])  # of q(z1 | x) and of p(z1 | z2)
        self.upper_distribution = DiagonalNormal(dims[1])  # of q(z2 | z1)

    def encode(self, x: Tensor, c: Tensor | None = None) -> Distribution:
        return self.lower_distribution(at_least_float32(apply_conditioned(self.encoder, x, c)))

    def code(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        return self.encode(x, c).mean

    def decode(self, z: Tensor, c: Tensor | None = None) -> Distribution:
        return self.likelihood(at_least_float32(apply_conditioned(self.decoder, z, c)))

    def trace(
        self,
        x: Tensor,
        c: Tensor | None = None,
        *,
        num_samples: int = 1,
        detach_params: bool = False,
        reparameterize: bool = True,
    ) -> Trace:
        lower_q = self.encode(x, c)
        z1 = draw(lower_q, num_samples, reparameterize=reparameterize)  # (K, B, D1)
        upper_q, upper_p = self.upper_distribution(at_least_float32(self.upper_encoder(z1))), self.prior(c)
        z2 = draw(upper_q, reparameterize=reparameterize)  # (K, B, D2)
        lower_p = self.lower_distribution(at_least_float32(self.upper_decoder(z2)))
        lower_scored, upper_scored = lower_q, upper_q
        if detach_params:
            # z1 is not detached: q(z2 | z1) depends on z through it.
            lower_scored = detach_parameters(lower_q)
            upper_scored = self.upper_distribution(at_least_float32(apply_frozen(self.upper_encoder, z1)))
        upper = make_latent(z2, upper_q, upper_p, scored=upper_scored, kl_is_exact=True)  # given z1
        # The z2 in p(z1 | z2) was inferred from this same z1.
        lower = make_latent(z1, lower_q, lower_p, scored=lower_scored, kl_is_exact=False)
        return Trace(self.decode(z1, c).log_prob(x), (upper, lower))

    def log_prior(self, zs: Sequence[Tensor], c: Tensor | None = None) -> Tensor:
        z2, z1 = zs
        lower_p = self.lower_distribution(at_least_float32(self.upper_decoder(z2)))
        return self.prior(c).log_prob(z2) + lower_p.log_prob(z1)

    def log_posterior(self, x: Tensor, zs: Sequence[Tensor], c: Tensor | None = None) -> Tensor:
        z2, z1 = zs
        upper_q = self.upper_distribution(at_least_float32(self.upper_encoder(z1)))
        return self.encode(x, c).log_prob(z1) + upper_q.log_prob(z2)

    def sample_joint(self, n: int, c: Tensor | None = None) -> JointSample:
        z2 = draw_from_prior(self.prior(c), n)
        z1 = self.lower_distribution(at_least_float32(self.upper_decoder(z2))).sample()
        return JointSample((z2, z1), self.decode(z1, c))


class TwoLayer(Hierarchy):
    """The fully connected two-layer VAE: the recipe for a `TwoLayerVAE` of multilayer perceptrons.

    The defaults are those of Burda et al. 2016, https://arxiv.org/abs/1509.00519: images, 200-200, 100 units of z1,
    100-100, `latent_dim` (50 in the paper) units of z2, with tanh after each hidden layer.

    Args:
        hidden_sizes: units of the layers between the image and z1, from the image on.
        lower_dim: units of z1.
        upper_hidden_sizes: units of the layers between z1 and z2, from z1 on.
        activation: the nonlinearity after each hidden layer.
    """

    def __init__(
        self,
        hidden_sizes: Sequence[Size] = (200, 200),
        lower_dim: Size = 100,
        upper_hidden_sizes: Sequence[Size] = (100, 100),
        activation: Activation = "tanh",
    ) -> None:
        self.lower_dim = lower_dim
        self.images = MLP(hidden_sizes, activation)
        self.latents = MLP(upper_hidden_sizes, activation)

    def assemble(self, wrapper: NetworkWrapper, latent_dim: int, prior: Prior, likelihood: Likelihood) -> LatentModel:
        lower_params, upper_params = (2 * self.lower_dim,), (2 * latent_dim,)
        return TwoLayerVAE(
            wrapper.with_corruption(wrapper.encoder(lambda in_shape: self.images.encoder(in_shape, lower_params))),
            self.latents.encoder((self.lower_dim,), upper_params),
            prior,
            OutputBias(self.latents.decoder((latent_dim,), lower_params), torch.zeros(lower_params)),
            wrapper.decoder(lambda in_shape: self.images.decoder(in_shape, likelihood.param_shape), (self.lower_dim,)),
            likelihood,
            dims=(self.lower_dim, latent_dim),
        )
