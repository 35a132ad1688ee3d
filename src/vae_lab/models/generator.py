"""The model of a generative adversarial network: a prior and a decoder, without an encoder."""

from collections.abc import Sequence
from typing import NoReturn

from torch import Tensor, nn
from torch.distributions import Distribution

from vae_lab.distributions.conditional import at_least_float32
from vae_lab.errors import UserError
from vae_lab.likelihoods.likelihood import Likelihood
from vae_lab.models.latent_model import JointSample, LatentModel, Trace, draw_from_prior
from vae_lab.networks.condition import apply_conditioned
from vae_lab.priors.prior import Prior


class Generator(LatentModel):
    """p(z) p(x | z) without a posterior: Goodfellow et al. 2014, https://arxiv.org/abs/1406.2661.

    The methods that need a posterior (`trace`, `encode`, `code`, `log_posterior`) raise a `UserError`.

    Args:
        prior: the distribution p(z) of the noise.
        decoder: maps latent vectors (*batch, *latent) to the likelihood's parameters.
        likelihood: the family p(x | z).
    """

    has_encoder = False
    has_elbo = False

    def __init__(self, prior: Prior, decoder: nn.Module, likelihood: Likelihood) -> None:
        super().__init__()
        self.prior = prior
        self.decoder = decoder
        self.likelihood = likelihood
        self.space = prior.space

    def decode(self, z: Tensor, c: Tensor | None = None) -> Distribution:
        return self.likelihood(at_least_float32(apply_conditioned(self.decoder, z, c)))

    def log_prior(self, zs: Sequence[Tensor], c: Tensor | None = None) -> Tensor:
        (z,) = zs
        return self.prior(c).log_prob(z)

    def sample_joint(self, n: int, c: Tensor | None = None) -> JointSample:
        z = draw_from_prior(self.prior(c), n)
        return JointSample((z,), self.decode(z, c))

    def trace(
        self,
        x: Tensor,
        c: Tensor | None = None,
        *,
        num_samples: int = 1,
        detach_params: bool = False,
        reparameterize: bool = True,
    ) -> Trace:
        raise_no_encoder()

    def log_posterior(self, x: Tensor, zs: Sequence[Tensor], c: Tensor | None = None) -> Tensor:
        raise_no_encoder()

    def encode(self, x: Tensor, c: Tensor | None = None) -> Distribution:
        raise_no_encoder()

    def code(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        raise_no_encoder()


def raise_no_encoder() -> NoReturn:
    """Raise the error of a method that needs a posterior.

    Raises:
        UserError: always.
    """
    raise UserError(
        "this model is a GAN and has no encoder, so it has no codes, no reconstructions and no ELBO; sample from it, "
        "or train a model with objective=vae_gan"
    )
