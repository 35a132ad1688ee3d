"""Estimate the likelihood from samples of the posterior, for models with few latent units."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

from vae_lab.configuration.options import AtLeastTwo, PositiveInt, Size
from vae_lab.evaluation.blocks import rows_of_block
from vae_lab.evaluation.measure import Estimate, EvaluationContext, Images, Measure, over_images
from vae_lab.evaluation.paths import path_to_posterior, prior_samples
from vae_lab.evaluation.progress import progress
from vae_lab.maths import bounds
from vae_lab.maths import marginal_likelihood as marginal
from vae_lab.models.latent_model import LatentModel
from vae_lab.seeding import RngStream, reseed

# Positions in the random stream: each purpose has its own.
START, CHAINS, PROPOSAL = range(3)


class LogLikelihoods(NamedTuple):
    """Two estimates of log p(x) for each image, in nats, of shape (N,) each.

    Attributes:
        from_posterior: the estimate from posterior samples.
        importance: the estimate by importance sampling.
        acceptance: the acceptance rate of the chains.
    """

    from_posterior: Tensor
    importance: Tensor
    acceptance: Tensor


@dataclass(frozen=True)
class Chains:
    """Hamiltonian Monte Carlo chains for both estimates.

    Attributes:
        num_samples: L, latent samples for each image, used for each of: q, the mean over the posterior, and the bound.
        num_leapfrog: leapfrog steps of a transition.
        num_transitions: transitions of a chain between two samples.
    """

    num_samples: int
    num_leapfrog: int
    num_transitions: int

    def log_likelihoods(
        self, model: LatentModel, images: Images, seed: int, on_transition: Callable[[int], object]
    ) -> LogLikelihoods:
        """Return both estimates for all images, one block at a time.

        Args:
            model: a model in evaluation mode.
            images: N images.
            seed: the seed of the chains; all random numbers follow from it and from the images' positions.
            on_transition: called after each transition with the number of images that made it.
        """
        images_at_once = max(1, rows_of_block(model, images) // self.num_samples)
        found = [
            self._of_block(
                model, some, partial(reseed, some.x.device, seed, RngStream.POSTERIOR, number), on_transition
            )
            for number, some in enumerate(images.split_up(images_at_once))
        ]
        return LogLikelihoods(*(torch.cat(column) for column in zip(*found, strict=True)))

    @torch.no_grad()
    def _of_block(
        self, model: LatentModel, images: Images, noise: Callable[[int], None], on_transition: Callable[[int], object]
    ) -> LogLikelihoods:
        noise(START)
        start = prior_samples(model, self.num_samples, images)
        path = path_to_posterior(model, images, [z.shape[-1] for z in start])
        log_joint = path.at(1.0)
        noise(CHAINS)
        samples = marginal.posterior_samples(
            path,
            torch.cat(start, -1),  # (L, B, D)
            num_leapfrog=self.num_leapfrog,
            num_transitions=self.num_transitions,
            on_transition=partial(on_transition, len(images.x)),
        )
        q = marginal.fit_normal(samples.fitting)
        z = samples.estimating
        from_posterior = marginal.from_posterior(log_joint(z), q.log_prob(z))
        noise(PROPOSAL)
        z = q.sample((self.num_samples,))
        importance = bounds.importance_weighted(log_joint(z) - q.log_prob(z))
        return LogLikelihoods(from_posterior.cpu(), importance.cpu(), samples.acceptance.mean(0).cpu())


class MarginalLikelihood(Measure):
    """-log p(x) from samples of the posterior, for some of the images, for models with few latent units.

    1 / p(x) = E_{p(z|x)}[q(z) / p(x, z)]

    q is a normal distribution fitted to other samples of the posterior: Kingma & Welling 2014, appendix D,
    https://arxiv.org/abs/1312.6114, who use it below five latent units. In expectation this `nll` is below -log p(x),
    and `nll_importance`, importance sampling with the same q as the proposal, is above it. If the two differ, neither
    is reliable. If they agree, both may still miss a mode of the posterior that no chain found. The chains start from
    the prior and do not use the encoder.

    Args:
        num_images: the number of images that are measured, the same ones every time.
        num_samples: L, for each image, more than there are latent units; each sample has its own chain.
        num_leapfrog: leapfrog steps of a transition.
        num_transitions: transitions of a chain before each of its two samples.
    """

    def __init__(
        self,
        num_images: PositiveInt = 1000,
        num_samples: AtLeastTwo = 50,
        num_leapfrog: Size = 4,
        num_transitions: Size = 10,
    ) -> None:
        self.num_images = num_images
        self.chains = Chains(num_samples, num_leapfrog, num_transitions)

    def unavailable_reason(self, context: EvaluationContext) -> str | None:
        return unavailable_reason(context.model, context.images, self.chains.num_samples)

    def __call__(self, context: EvaluationContext) -> dict[str, Estimate]:
        images = context.images.some(self.num_images)
        transitions = marginal.total_transitions(self.chains.num_transitions)
        with progress(len(images.x) * transitions, "marginal_likelihood") as bar:
            found = self.chains.log_likelihoods(context.model, images, context.seed, bar.update)

        def estimate(values: Tensor, how: str) -> Estimate:
            about = over_images(-values, how, num_samples=self.chains.num_samples)
            return about._replace(details={"acceptance": found.acceptance.mean().item()})

        return {
            "nll": estimate(found.from_posterior, "log 1/L sum q / p(x, z) at posterior samples, a lower bound"),
            "nll_importance": estimate(found.importance, "importance sampling with the same q, -L_K, an upper bound"),
        }


def unavailable_reason(model: LatentModel, images: Images, num_samples: int) -> str | None:
    """Return why a model's posterior cannot be sampled and fitted, in one line; None if it can."""
    if not model.has_elbo:
        return "the codes of this model have no density"
    if model.space != "real":
        return "it needs gradients for z, and the latent variables of this model are not real vectors"
    some = images.take(slice(1))
    num_units = sum(latent.z.shape[-1] for latent in model.trace(some.x, some.c).latents)
    if num_samples <= num_units:
        return f"fitting a normal distribution of {num_units} latent units needs more than num_samples={num_samples}"
    return None
