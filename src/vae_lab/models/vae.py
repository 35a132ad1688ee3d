"""The variational autoencoder with one stochastic layer."""

from collections.abc import Sequence

from torch import Tensor, nn
from torch.distributions import Distribution

from vae_lab.distributions.conditional import at_least_float32
from vae_lab.distributions.detached import detach_parameters
from vae_lab.likelihoods.likelihood import Likelihood
from vae_lab.models.latent_model import JointSample, LatentModel, Trace, draw, draw_from_prior, make_latent
from vae_lab.networks.condition import apply_conditioned
from vae_lab.posteriors.posterior import Posterior
from vae_lab.priors.prior import Prior


class VAE(LatentModel):
    """A variational autoencoder with one stochastic layer: Kingma & Welling 2014, https://arxiv.org/abs/1312.6114.

    Args:
        encoder: maps images (*batch, C, H, W) to the posterior's parameters.
        posterior: the family q(z | x).
        prior: the distribution p(z).
        decoder: maps latent vectors (*batch, *latent) to the likelihood's parameters.
        likelihood: the family p(x | z).
    """

    has_encoder = True

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
        return self.posterior(at_least_float32(apply_conditioned(self.encoder, x, c)))

    def code(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        return self.posterior.centre(self.encode(x, c))

    def decode(self, z: Tensor, c: Tensor | None = None) -> Distribution:
        return self.likelihood(at_least_float32(apply_conditioned(self.decoder, self.posterior.decoder_gain * z, c)))

    def trace(
        self,
        x: Tensor,
        c: Tensor | None = None,
        *,
        num_samples: int = 1,
        detach_params: bool = False,
        reparameterize: bool = True,
    ) -> Trace:
        return self.trace_under(
            self.encode(x, c), x, c, num_samples=num_samples, detach_params=detach_params, reparameterize=reparameterize
        )

    def trace_under(
        self,
        q: Distribution,
        x: Tensor,
        c: Tensor | None = None,
        *,
        num_samples: int = 1,
        detach_params: bool = False,
        reparameterize: bool = True,
    ) -> Trace:
        """Make a pass as in `trace`, with a given q(z | x) of batch shape (B,) in place of the encoder's posterior."""
        p = self.prior(c)
        z = draw(q, num_samples, reparameterize=reparameterize)  # (K, B, *latent)
        layer = make_latent(z, q, p, scored=detach_parameters(q) if detach_params else q, kl_is_exact=True)
        log_px = self.decode(z, c).log_prob(x)  # (K, B)
        return Trace(log_px, (layer,))

    def log_prior(self, zs: Sequence[Tensor], c: Tensor | None = None) -> Tensor:
        (z,) = zs
        return self.prior(c).log_prob(z)

    def log_posterior(self, x: Tensor, zs: Sequence[Tensor], c: Tensor | None = None) -> Tensor:
        (z,) = zs
        return self.encode(x, c).log_prob(z)

    def sample_joint(self, n: int, c: Tensor | None = None) -> JointSample:
        z = draw_from_prior(self.prior(c), n)
        return JointSample((z,), self.decode(z, c))
