"""Latent-variable models: what they hold, and one pass through them.

    p(x, z) = p(z) p(x | z),  q(z | x) close to p(z | x)

Shapes: K samples lead, then the B images of the batch, then the event: (K, B, *event). Log-densities are sums
over the whole event, in nats.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import reduce
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from vae_lab.configuration.pairs import Space
from vae_lab.likelihoods.likelihood import Likelihood


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
        return self.log_joint() - self.log_q()

    def log_joint(self) -> Tensor:
        """log p(x, z), of shape (K, B)."""
        return reduce(torch.add, [latent.log_p for latent in self.latents], self.log_px)

    def log_q(self) -> Tensor:
        """log q(z | x) of all layers, of shape (K, B)."""
        return reduce(torch.add, [latent.log_q for latent in self.latents])

    def kl(self) -> Tensor:
        """The divergence of all layers from their priors, of shape (K, B)."""
        return reduce(torch.add, [latent.kl for latent in self.latents])


class JointSample(NamedTuple):
    """Images as the model itself imagines them."""

    zs: tuple[Tensor, ...]  # top layer first, of shape (n, *latent) each
    p: Distribution  # p(x | z), of batch shape (n,)


class LatentModel(nn.Module, ABC):
    """A model of images with latent variables.

    Attributes:
        has_encoder: whether it has a posterior at all; without one it is measured by its samples.
        has_elbo: whether that posterior has a density; without one there is no rate, and the distortion is measured.
        space: where z lies, "real", "categorical" or "sphere".
    """

    likelihood: Likelihood
    # Without a default, as they decide which metrics a model has.
    has_encoder: bool
    has_elbo: bool
    space: Space

    @abstractmethod
    def trace(
        self,
        x: Tensor,
        c: Tensor | None = None,
        *,
        num_samples: int = 1,
        detach_params: bool = False,
        reparameterize: bool = True,
    ) -> Trace:
        """Infer the latent variables of images and score the images under them.

        Args:
            x: images, of shape (B, C, H, W).
            c: what the images are conditioned on, or None.
            num_samples: K, the number of latent samples for each image.
            detach_params: whether log q(z | x) is differentiable through z alone, the parameters of q held fixed in it.
            reparameterize: whether z is differentiable in the parameters of q, or drawn and held fixed.
        """

    def log_joint(self, x: Tensor, zs: Sequence[Tensor], c: Tensor | None = None) -> Tensor:
        """log p(x, z) at any latent variables, top layer first, of shape (*batch, B, *latent): (*batch, B)."""
        return self.log_prior(zs, c) + self.decode(zs[-1], c).log_prob(x)

    @abstractmethod
    def log_prior(self, zs: Sequence[Tensor], c: Tensor | None = None) -> Tensor:
        """log p(z) of all layers at any latent variables, top layer first, of shape (*batch, *latent): (*batch,)."""

    @abstractmethod
    def log_posterior(self, x: Tensor, zs: Sequence[Tensor], c: Tensor | None = None) -> Tensor:
        """log q(z | x) at any latent variables, top layer first, of shape (*batch, B, *latent): (*batch, B)."""

    @abstractmethod
    def sample_joint(self, n: int, c: Tensor | None = None) -> JointSample:
        """Latent variables drawn from the prior, without a gradient, and the laws p(x | z) of images at them.

        Args:
            n: images.
            c: what they are conditioned on, of batch shape (n,), or None.
        """

    def generate(self, n: int, c: Tensor | None = None) -> Distribution:
        """The laws p(x | z) of `n` images at latent variables drawn from the prior: batch shape (n,)."""
        return self.sample_joint(n, c).p

    @abstractmethod
    def encode(self, x: Tensor, c: Tensor | None = None) -> Distribution:
        """The posterior q(z | x) of images of shape (B, C, H, W): batch shape (B,)."""

    @abstractmethod
    def code(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """The z of shape (B, *latent) that stands for the posterior of each image: its mean or its mode."""

    @abstractmethod
    def decode(self, z: Tensor, c: Tensor | None = None) -> Distribution:
        """The likelihood p(x | z) at latent variables of the lowest layer, (*batch, *latent): batch shape (*batch,)."""


def draw(q: Distribution, *num_samples: int, reparameterize: bool) -> Tensor:
    """Samples of a law, of shape (*num_samples, *batch, *latent), differentiable in its parameters or held fixed."""
    return q.rsample(num_samples) if reparameterize else q.sample(num_samples)


def draw_each(p: Distribution, n: int) -> Tensor:
    """`n` samples of a prior: one for each condition where it has conditions, of shape (n, *latent)."""
    return p.sample() if p.batch_shape else p.sample((n,))
