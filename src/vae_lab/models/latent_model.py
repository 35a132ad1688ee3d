"""The base class of latent-variable models, and the records of one pass through a model.

    p(x, z) = p(z) p(x | z),  q(z | x) approximates p(z | x)

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

from vae_lab.configuration.declarations import Space
from vae_lab.likelihoods.likelihood import Likelihood
from vae_lab.maths import kl


class Latent(NamedTuple):
    """One stochastic layer of a pass: samples of z, and its posterior and prior at them.

    In a hierarchy, q and p are conditional on the samples of the layers that they depend on.

    Attributes:
        z: samples, of shape (K, B, *latent).
        log_q: log q(z | x), of shape (K, B).
        log_p: log p(z), of shape (K, B).
        kl: KL(q || p) in closed form where `kl_is_exact` and there is one, else log_q - log_p, of shape (K, B).
        q: the posterior.
        p: the prior.
        kl_is_exact: whether KL(q || p) is the mean of log_q - log_p given all that q and p are conditioned on. It is
            not where p is conditioned on a layer that was inferred from this z.
    """

    z: Tensor
    log_q: Tensor
    log_p: Tensor
    kl: Tensor
    q: Distribution
    p: Distribution
    kl_is_exact: bool

    def kl_of_units(self) -> Tensor | None:
        """Return KL(q || p) of each unit in closed form, of shape (B, D) or (K, B, D); None where it is not exact.

        Raises:
            TypeError: if the units of q or of p are not independent normal variables.
        """
        return kl.per_dimension(self.q, self.p) if self.kl_is_exact else None


class Trace(NamedTuple):
    """One pass of a batch through a model, with all log-densities in nats per image.

    Attributes:
        log_px: log p(x | z), of shape (K, B).
        latents: the stochastic layers, top layer first.
    """

    log_px: Tensor
    latents: tuple[Latent, ...]

    def log_w(self) -> Tensor:
        """Return the log-weights log p(x, z) - log q(z | x), of shape (K, B)."""
        return self.log_joint() - self.log_q()

    def log_joint(self) -> Tensor:
        """Return log p(x, z), of shape (K, B)."""
        return reduce(torch.add, [latent.log_p for latent in self.latents], self.log_px)

    def log_q(self) -> Tensor:
        """Return log q(z | x) of all layers, of shape (K, B)."""
        return reduce(torch.add, [latent.log_q for latent in self.latents])

    def kl(self) -> Tensor:
        """Return the KL of all layers, the sum of their terms, of shape (K, B)."""
        return reduce(torch.add, [latent.kl for latent in self.latents])


class JointSample(NamedTuple):
    """Samples of z from the prior, with the distribution of images given z.

    Attributes:
        zs: samples of p(z), top layer first, of shape (n, *latent) each.
        p: p(x | z), of batch shape (n,).
    """

    zs: tuple[Tensor, ...]
    p: Distribution


class LatentModel(nn.Module, ABC):
    """The base class of models of images with latent variables.

    Attributes:
        likelihood: the family p(x | z).
        has_encoder: whether the model has a posterior. Without one it is evaluated by its samples.
        has_elbo: whether the posterior has a density. Without one there is no rate, and the model is evaluated by its
            distortion.
        space: the space of z.
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
        """Draw latent variables from q(z | x), and compute all log-densities at them.

        Args:
            x: images, of shape (B, C, H, W).
            c: the condition of each image, of batch shape (B,), or None.
            num_samples: K, the number of latent samples for each image.
            detach_params: whether the parameters of q are detached in log q(z | x), which then has a gradient through z
                alone.
            reparameterize: whether z has a gradient with respect to the parameters of q; otherwise z is held fixed.
        """

    def log_joint(self, x: Tensor, zs: Sequence[Tensor], c: Tensor | None = None) -> Tensor:
        """Return log p(x, z) at given latent variables.

        Args:
            x: images, of shape (B, C, H, W).
            zs: latent variables, top layer first, of shape (*batch, B, *latent) each.
            c: the condition of each image, or None.

        Returns:
            log p(x, z) in nats, of shape (*batch, B).
        """
        return self.log_prior(zs, c) + self.decode(zs[-1], c).log_prob(x)

    @abstractmethod
    def log_prior(self, zs: Sequence[Tensor], c: Tensor | None = None) -> Tensor:
        """Return log p(z) of all layers in nats, of shape (*batch,).

        Args:
            zs: latent variables, top layer first, of shape (*batch, *latent) each.
            c: the condition, or None.
        """

    @abstractmethod
    def log_posterior(self, x: Tensor, zs: Sequence[Tensor], c: Tensor | None = None) -> Tensor:
        """Return log q(z | x) in nats, of shape (*batch, B).

        Args:
            x: images, of shape (B, C, H, W).
            zs: latent variables, top layer first, of shape (*batch, B, *latent) each.
            c: the condition of each image, or None.
        """

    @abstractmethod
    def sample_joint(self, n: int, c: Tensor | None = None) -> JointSample:
        """Draw latent variables from the prior, without a gradient, and return them with p(x | z).

        Args:
            n: the number of images.
            c: the condition of each image, of batch shape (n,), or None.
        """

    def generate(self, n: int, c: Tensor | None = None) -> Distribution:
        """Return p(x | z) at `n` samples of z from the prior, of batch shape (n,)."""
        return self.sample_joint(n, c).p

    @abstractmethod
    def encode(self, x: Tensor, c: Tensor | None = None) -> Distribution:
        """Return the posterior q(z | x) of batch shape (B,), for images of shape (B, C, H, W)."""

    @abstractmethod
    def code(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """Return one z for each image, the mean or the mode of its posterior, of shape (B, *latent)."""

    @abstractmethod
    def decode(self, z: Tensor, c: Tensor | None = None) -> Distribution:
        """Return p(x | z) of batch shape (*batch,), for z of the lowest layer, of shape (*batch, *latent)."""


def make_latent(z: Tensor, q: Distribution, p: Distribution, *, scored: Distribution, kl_is_exact: bool) -> Latent:
    """Return the record of one stochastic layer: the only place where a closed form may replace log q - log p.

    Args:
        z: samples of q, of shape (K, B, *latent).
        q: the posterior, of batch shape (B,) or (K, B).
        p: the prior, of batch shape (), (B,) or (K, B).
        scored: q as log q(z) is computed with it, with its parameters detached or not.
        kl_is_exact: what the model says of this layer; see `Latent`.
    """
    log_q, log_p = scored.log_prob(z), p.log_prob(z)  # (K, B) each
    exact = kl.closed_form(q, p) if kl_is_exact else None  # (B,) or (K, B)
    divergence = log_q - log_p if exact is None else exact.expand_as(log_q)
    return Latent(z, log_q, log_p, divergence, q, p, kl_is_exact)


def draw(q: Distribution, *num_samples: int, reparameterize: bool) -> Tensor:
    """Draw samples of shape (*num_samples, *batch, *latent), with a gradient to the parameters of q or without."""
    return q.rsample(num_samples) if reparameterize else q.sample(num_samples)


def draw_from_prior(p: Distribution, n: int) -> Tensor:
    """Draw `n` samples of a prior, of shape (n, *latent); a prior with conditions gives one for each condition."""
    return p.sample() if p.batch_shape else p.sample((n,))
