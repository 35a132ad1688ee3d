"""The ladder VAE: any number of stochastic layers, inferred from the top down."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.distributions import Distribution, Independent, Normal

from vae_lab.configuration.options import Activation, Size, Widths
from vae_lab.distributions.conditional import at_least_float32
from vae_lab.distributions.detached import detach_parameters
from vae_lab.likelihoods.likelihood import Likelihood
from vae_lab.models.hierarchy import Hierarchy
from vae_lab.models.latent_model import JointSample, Latent, LatentModel, Trace, draw, draw_from_prior, make_latent
from vae_lab.networks.activation import ACTIVATIONS
from vae_lab.networks.architecture import OutputBias, Shape
from vae_lab.networks.condition import apply_conditioned
from vae_lab.networks.dense import MLP
from vae_lab.networks.frozen import apply_frozen
from vae_lab.networks.wrapper import NetworkWrapper
from vae_lab.posteriors.normal import DiagonalNormal
from vae_lab.priors.prior import Prior


class LadderVAE(LatentModel):
    """The ladder VAE p(z_L) p(z_{L-1} | z_L) ... p(x | z_1), with q(z_L | x) and q(z_l | z_{l+1}, x) from the top down.

    Below the top, a posterior is the normalised product of a normal from the image and the prior given the layer above,
    p(z_l | z_{l+1}) = N(n_l, t_l^2): q(z_l | z_{l+1}, x) ~ N(m_l(x), s_l(x)^2) N(n_l, t_l^2), so precisions add:

        1/s^2 = 1/s_l^2 + 1/t_l^2,   m = s^2 (m_l / s_l^2 + n_l / t_l^2)

    Sonderby et al. 2016, section 2, https://arxiv.org/abs/1602.02282. With one layer it is the plain VAE.

    `encode` gives q(z_1 | x) at the posterior means of the layers above; `decode` gives p(x | z_1).

    Args:
        upward: deterministic maps, from the image to the features of layer 1, from those to layer 2, and so on.
        inferred: maps from the features of each layer to the parameters of N(m_l(x), s_l(x)^2).
        prior: the distribution p(z_L).
        downward: maps from z_{l+1} to the parameters of p(z_l | z_{l+1}), for l = 1, ..., L - 1.
        decoder: maps z_1 to the parameters of p(x | z_1).
        likelihood: the family p(x | z_1).
        dims: units of each layer, from the image on.
    """

    has_encoder = True
    has_elbo = True
    space = "real"

    def __init__(
        self,
        upward: Sequence[nn.Module],
        inferred: Sequence[nn.Module],
        prior: Prior,
        downward: Sequence[nn.Module],
        decoder: nn.Module,
        likelihood: Likelihood,
        dims: Sequence[int],
    ) -> None:
        super().__init__()
        self.upward = nn.ModuleList(upward)
        self.inferred = nn.ModuleList(inferred)
        self.prior = prior
        self.downward = nn.ModuleList(downward)
        self.decoder = decoder
        self.likelihood = likelihood
        self.distributions = nn.ModuleList(DiagonalNormal(dim) for dim in dims)

    def trace(
        self,
        x: Tensor,
        c: Tensor | None = None,
        *,
        num_samples: int = 1,
        detach_params: bool = False,
        reparameterize: bool = True,
    ) -> Trace:
        latents: list[Latent] = []
        for level, from_image in reversed(list(enumerate(self._from_image(x, c)))):
            if not latents:
                q, p = from_image, self.prior(c)
                scored = detach_parameters(q) if detach_params else q
                z = draw(q, num_samples, reparameterize=reparameterize)  # (K, B, D)
            else:
                p = self._conditional_prior(level, latents[-1].z)
                q = product(from_image, p)
                # The sample of the layer above is not detached: q depends on z through it.
                scored = (
                    product(detach_parameters(from_image), self._frozen_conditional_prior(level, latents[-1].z))
                    if detach_params
                    else q
                )
                z = draw(q, reparameterize=reparameterize)  # (K, B, D)
            # Exact given the sample of the layer above, on which both q and p depend.
            latents.append(make_latent(z, q, p, scored=scored, kl_is_exact=True))
        return Trace(self.decode(latents[-1].z, c).log_prob(x), tuple(latents))

    def log_prior(self, zs: Sequence[Tensor], c: Tensor | None = None) -> Tensor:
        total = self.prior(c).log_prob(zs[0])
        for level, (above, z) in zip(reversed(range(len(self.downward))), pairwise(zs), strict=True):
            total = total + self._conditional_prior(level, above).log_prob(z)
        return total

    def log_posterior(self, x: Tensor, zs: Sequence[Tensor], c: Tensor | None = None) -> Tensor:
        *lower, top = self._from_image(x, c)
        total = top.log_prob(zs[0])
        for level, (above, z) in zip(reversed(range(len(lower))), pairwise(zs), strict=True):
            total = total + product(lower[level], self._conditional_prior(level, above)).log_prob(z)
        return total

    def encode(self, x: Tensor, c: Tensor | None = None) -> Distribution:
        *lower, q = self._from_image(x, c)
        for level, from_image in reversed(list(enumerate(lower))):
            q = product(from_image, self._conditional_prior(level, q.mean))
        return q

    def code(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        return self.encode(x, c).mean

    def decode(self, z: Tensor, c: Tensor | None = None) -> Distribution:
        return self.likelihood(at_least_float32(apply_conditioned(self.decoder, z, c)))

    def sample_joint(self, n: int, c: Tensor | None = None) -> JointSample:
        zs = [draw_from_prior(self.prior(c), n)]
        for level in reversed(range(len(self.downward))):
            zs.append(self._conditional_prior(level, zs[-1]).sample())
        return JointSample(tuple(zs), self.decode(zs[-1], c))

    def _from_image(self, x: Tensor, c: Tensor | None) -> list[Distribution]:
        """Return N(m_l(x), s_l(x)^2) for every layer, from the image on, of batch shape (B,)."""
        distributions = []
        features = x
        layers = zip(self.upward, self.inferred, self.distributions, strict=True)
        for level, (upward, infer, normal) in enumerate(layers):
            features = apply_conditioned(upward, features, c if level == 0 else None)
            distributions.append(normal(at_least_float32(infer(features))))
        return distributions

    def _conditional_prior(self, level: int, above: Tensor) -> Distribution:
        """Return p(z_l | z_{l+1}), where `level` is l - 1."""
        return self.distributions[level](at_least_float32(self.downward[level](above)))

    def _frozen_conditional_prior(self, level: int, above: Tensor) -> Distribution:
        """Return p(z_l | z_{l+1}) with the parameters of its network detached."""
        return self.distributions[level](at_least_float32(apply_frozen(self.downward[level], above)))


def product(one: Distribution, other: Distribution) -> Distribution:
    """Return the normalised product of two diagonal normals, whose batch shapes broadcast."""
    assert isinstance(one, Independent)
    assert isinstance(other, Independent)
    # In logarithms, because the gradients square the precisions, which would overflow where a scale is tiny.
    log_precision_one, log_precision_other = (-2 * normal.base_dist.scale.log() for normal in (one, other))
    weight = (log_precision_one - log_precision_other).sigmoid()
    mean = weight * one.mean + (1 - weight) * other.mean
    scale = (-0.5 * torch.logaddexp(log_precision_one, log_precision_other)).exp()
    return Independent(Normal(mean, scale, validate_args=False), 1, validate_args=False)


class Ladder(Hierarchy):
    """The fully connected ladder VAE: the recipe for a `LadderVAE` of multilayer perceptrons.

    Args:
        lower_dims: units of the stochastic layers below the top one, from the image on; if empty, it is the plain VAE.
        hidden_sizes: units of the deterministic layers before every stochastic layer on the way up; on the way down,
            the same in reverse order.
        activation: the nonlinearity after each deterministic layer.
    """

    def __init__(
        self,
        lower_dims: Sequence[Size] = (50,),
        hidden_sizes: Widths = (200, 200),
        activation: Activation = "relu",
    ) -> None:
        self.lower_dims = tuple(lower_dims)
        self.hidden_sizes = tuple(hidden_sizes)
        self.activation = activation

    def assemble(self, wrapper: NetworkWrapper, latent_dim: int, prior: Prior, likelihood: Likelihood) -> LatentModel:
        *before, last = self.hidden_sizes
        upward, infer = MLP(before, self.activation), MLP((), self.activation)
        downward = MLP(self.hidden_sizes, self.activation)
        dims = (*self.lower_dims, latent_dim)

        def features(in_shape: Shape) -> nn.Module:
            return nn.Sequential(upward.encoder(in_shape, (last,)), ACTIVATIONS[self.activation]())

        first = wrapper.with_corruption(wrapper.encoder(features))
        return LadderVAE(
            [first, *(features((last,)) for _ in self.lower_dims)],
            [infer.encoder((last,), (2 * dim,)) for dim in dims],
            prior,
            [
                OutputBias(downward.decoder((above,), (2 * below,)), torch.zeros(2 * below))
                for below, above in pairwise(dims)
            ],
            wrapper.decoder(lambda in_shape: downward.decoder(in_shape, likelihood.param_shape), (dims[0],)),
            likelihood,
            dims,
        )
