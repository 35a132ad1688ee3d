"""Latent-variable models: what they hold, and one pass through them.

    p(x, z) = p(z) p(x | z),  q(z | x) close to p(z | x)

Shapes: K samples lead, then the B images of the batch, then the event: (K, B, *event). Log-densities are sums
over the whole event, in nats.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import NamedTuple

from torch import Tensor, nn
from torch.distributions import Distribution

from vae_lab.conditional import at_least_float32
from vae_lab.laws.detached import detached
from vae_lab.likelihoods.likelihood import Likelihood
from vae_lab.maths import kl
from vae_lab.networks.condition import given
from vae_lab.pairs import Space
from vae_lab.posteriors.posterior import Posterior
from vae_lab.priors.prior import Prior


class Latent(NamedTuple):
    """One stochastic layer of a pass: its samples, and its two laws at them."""

    z: Tensor  # (K, B, *latent)
    log_q: Tensor  # (K, B), log q(z | x)
    log_p: Tensor  # (K, B), log p(z)
    kl: Tensor  # (K, B), closed form where there is one, else log_q - log_p
    q: Distribution
    p: Distribution


class Trace(NamedTuple):
    """One pass of a batch through a model."""

    log_px: Tensor  # (K, B), log p(x | z)
    latents: tuple[Latent, ...]  # top layer first

    def log_w(self) -> Tensor:
        """The log-weights log p(x, z) - log q(z | x), of shape (K, B)."""
        log_w = self.log_px
        for latent in self.latents:
            log_w = log_w + latent.log_p - latent.log_q
        return log_w

    def kl(self) -> Tensor:
        """The divergence of all layers from their priors, of shape (K, B)."""
        first, *others = self.latents
        total = first.kl
        for latent in others:
            total = total + latent.kl
        return total


class LatentModel(nn.Module, ABC):
    """A model of images with latent variables.

    `has_elbo` says whether its posterior has a density: without one there is no rate, and the distortion is what is
    left to measure. `space` says where z lives.
    """

    has_elbo: bool = True
    space: Space = "real"

    @abstractmethod
    def trace(self, x: Tensor, c: Tensor | None = None, *, num_samples: int = 1, score: bool = True) -> Trace:
        """Infer the latent variables of images and score the images under them.

        Args:
            x: images, of shape (B, C, H, W).
            c: what the images are conditioned on, or None.
            num_samples: K, the number of latent samples for each image.
            score: whether log q(z | x) is differentiable in the parameters of q too, or through z alone.
        """

    @abstractmethod
    def log_joint(self, x: Tensor, zs: Sequence[Tensor], c: Tensor | None = None) -> Tensor:
        """log p(x, z) at any latent variables, top layer first, of shape (*batch, B, *latent): (*batch, B)."""

    @abstractmethod
    def generate(self, n: int, c: Tensor | None = None) -> Distribution:
        """The laws p(x | z) of `n` images at latent variables drawn from the prior: batch shape (n,).

        Args:
            n: images.
            c: what they are conditioned on, of batch shape (n,), or None.
        """

    @abstractmethod
    def encode(self, x: Tensor, c: Tensor | None = None) -> Distribution:
        """The posterior q(z | x) of images of shape (B, C, H, W): batch shape (B,)."""

    @abstractmethod
    def code(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """The z of shape (B, *latent) that stands for the posterior of each image: its mean or its mode."""

    @abstractmethod
    def decode(self, z: Tensor, c: Tensor | None = None) -> Distribution:
        """The likelihood p(x | z) at latent variables of shape (*batch, *latent): batch shape (*batch,)."""


def draw(p: Distribution, n: int) -> Tensor:
    """`n` samples of a prior: one for each condition where it has conditions, of shape (n, *latent)."""
    return p.sample() if p.batch_shape else p.sample((n,))


class VAE(LatentModel):
    """A variational autoencoder with one stochastic layer: Kingma & Welling 2014, https://arxiv.org/abs/1312.6114.

    Args:
        encoder: maps images (*batch, C, H, W) to the posterior's parameters.
        posterior: the family q(z | x).
        prior: the law p(z).
        decoder: maps latent vectors (*batch, *latent) to the likelihood's parameters.
        likelihood: the family p(x | z).
    """

    def __init__(
        self, encoder: nn.Module, posterior: Posterior, prior: Prior, decoder: nn.Module, likelihood: Likelihood
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.posterior = posterior
        self.prior = prior
        self.decoder = decoder
        self.likelihood = likelihood
        self.has_elbo = posterior.has_density
        self.space = posterior.space

    def encode(self, x: Tensor, c: Tensor | None = None) -> Distribution:
        return self.posterior(at_least_float32(given(self.encoder, x, c)))

    def code(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        return self.posterior.centre(self.encode(x, c))

    def decode(self, z: Tensor, c: Tensor | None = None) -> Distribution:
        return self.likelihood(at_least_float32(given(self.decoder, self.posterior.decoder_gain * z, c)))

    def trace(self, x: Tensor, c: Tensor | None = None, *, num_samples: int = 1, score: bool = True) -> Trace:
        q, p = self.encode(x, c), self.prior(c)
        z = q.rsample((num_samples,))  # (K, B, *latent)
        log_q, log_p = (q if score else detached(q)).log_prob(z), p.log_prob(z)  # (K, B) each
        exact = kl.closed_form(q, p)  # (B,)
        divergence = log_q - log_p if exact is None else exact.expand_as(log_q)
        log_px = self.decode(z, c).log_prob(x)  # (K, B)
        return Trace(log_px, (Latent(z, log_q, log_p, divergence, q, p),))

    def log_joint(self, x: Tensor, zs: Sequence[Tensor], c: Tensor | None = None) -> Tensor:
        (z,) = zs
        return self.prior(c).log_prob(z) + self.decode(z, c).log_prob(x)

    def generate(self, n: int, c: Tensor | None = None) -> Distribution:
        return self.decode(draw(self.prior(c), n), c)
