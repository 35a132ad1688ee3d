"""Decompose the rate: the ELBO surgery."""

import math
from collections import defaultdict
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.distributions import Distribution

from vae_lab.configuration.options import Size
from vae_lab.evaluation.blocks import blocks
from vae_lab.evaluation.measure import Estimate, EvaluationContext, Images, Measure, no_elbo, over_images
from vae_lab.maths.aggregate import aggregate_posterior
from vae_lab.models.latent_model import LatentModel, Trace
from vae_lab.models.vae import VAE
from vae_lab.seeding import RngStream

# Images whose posteriors are held in one distribution object.
POSTERIORS_AT_ONCE = 500


class Surgery(Measure):
    """The rate, split into the mutual information and the divergence of the aggregate posterior from the prior.

    E[KL(q(z|x) || p(z))] = I_q(x; z) + KL(q(z) || p(z)),  q(z) = 1/N sum_n q(z | x_n)

    Hoffman & Johnson 2016, http://approximateinference.org/accepted/HoffmanJohnson2016.pdf. The aggregate posterior is
    that of the N measured images, which bounds I by log N: near that bound, I reflects the number of images. If the
    units are independent normals given the image, and in the prior, the divergence splits once more, into the total
    correlation and the divergences of the single units: Chen et al. 2018, equation 2,
    https://arxiv.org/abs/1802.04942.

    Args:
        num_samples: L, latent samples for each image.
    """

    def __init__(self, num_samples: Size = 1) -> None:
        self.num_samples = num_samples

    def unavailable_reason(self, context: EvaluationContext) -> str | None:
        model = context.model
        if (reason := no_elbo(context)) is not None:
            return reason
        if not isinstance(model, VAE):
            return "it is defined for models with one stochastic layer only"
        if not model.posterior.cheap_log_prob:
            return (
                "it needs the density of every z under every posterior, and for this posterior each density costs one "
                "pass for each latent unit"
            )
        if model.prior.needs_labels:
            return "the prior has a distribution for each class, and the aggregate posterior is over all classes"
        return None

    def __call__(self, context: EvaluationContext) -> dict[str, Estimate]:
        model = context.model
        assert isinstance(model, VAE)
        by_units = model.posterior.is_diagonal and model.prior.is_diagonal
        posteriors = posteriors_of(model, context.images)
        terms: dict[str, list[Tensor]] = defaultdict(list)
        for block in blocks(context, self.num_samples, RngStream.AGGREGATE, "surgery"):
            of_block: dict[str, Tensor] = {}
            for trace in block.traces:
                for name, values in surgery(trace, posteriors, by_units=by_units).items():
                    share = values.cpu().double().sum(0) / self.num_samples  # (I,) or (I, D)
                    of_block[name] = of_block[name] + share if name in of_block else share
            for name, values in of_block.items():
                terms[name].append(values)
        return self._estimates({name: torch.cat(values) for name, values in terms.items()}, len(context.images.x))

    def _estimates(self, terms: dict[str, Tensor], num_images: int) -> dict[str, Estimate]:
        aggregate = f"q(z) of {num_images} images"
        estimators = {
            "mutual_information": f"E[log q(z|x) - log q(z)], {aggregate}",
            "marginal_kl": f"E[log q(z) - log p(z)], {aggregate}",
            "rate": "E[log q(z|x) - log p(z)], mutual_information + marginal_kl",
            "total_correlation": f"E[log q(z) - sum_d log q(z_d)], {aggregate}",
            "dimension_wise_kl": f"E[sum_d log q(z_d) - log p(z_d)], {aggregate}",
        }
        # All are divergences; and no sample is more likely under its own posterior than N times under the mean of all.
        most = {"mutual_information": math.log(num_images)}
        estimates = {
            name: over_images(terms[name], estimator, num_samples=self.num_samples)._replace(
                at_least=0.0, at_most=most.get(name)
            )
            for name, estimator in estimators.items()
            if name in terms
        }
        if "rate_of_units" in terms:
            units = terms["rate_of_units"]  # (N, D)
            estimates["rate_of_units"] = over_images(
                units.sum(1), "sum_d KL(q(z_d|x) || p(z_d)), in closed form"
            )._replace(details={"units": units.mean(0).tolist()})
        return estimates


def surgery(trace: Trace, posteriors: Sequence[Distribution], *, by_units: bool) -> dict[str, Tensor]:
    """Return the terms of the rate at the samples of a pass, in nats.

    Args:
        trace: a pass of I images with L samples each, through a model with one stochastic layer.
        posteriors: the posteriors of all N images.
        by_units: whether the divergence is split into its units.

    Returns:
        The terms by name, of shape (L, I) each; `rate_of_units` is of shape (L, I, D).
    """
    (latent,) = trace.latents
    aggregate = aggregate_posterior(latent.z.flatten(0, 1), posteriors, by_units=by_units)
    log_q = aggregate.joint.view_as(latent.log_q)  # (L, I)
    terms = {
        "mutual_information": latent.log_q - log_q,
        "marginal_kl": log_q - latent.log_p,
        "rate": latent.log_q - latent.log_p,
    }
    if aggregate.units is not None:
        log_q_units = aggregate.units.sum(-1).view_as(latent.log_q)  # (L, I)
        units = latent.kl_of_units()  # (I, D)
        assert units is not None, "a model with one layer"
        terms |= {
            "total_correlation": log_q - log_q_units,
            "dimension_wise_kl": log_q_units - latent.log_p,
            "rate_of_units": units.expand(len(latent.z), *units.shape),
        }
    return terms


@torch.no_grad()
def posteriors_of(model: LatentModel, images: Images) -> list[Distribution]:
    """Return the posteriors of all images, `POSTERIORS_AT_ONCE` of them in each distribution object."""
    return [model.encode(some.x, some.c) for some in images.split_up(POSTERIORS_AT_ONCE)]
