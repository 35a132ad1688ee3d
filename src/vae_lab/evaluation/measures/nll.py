"""Estimate the negative log-likelihood by importance sampling."""

import torch

from vae_lab.configuration.options import Size
from vae_lab.evaluation.blocks import blocks
from vae_lab.evaluation.measure import (
    Estimate,
    EvaluationContext,
    Measure,
    code_length,
    least_nats,
    no_elbo,
    over_images,
)
from vae_lab.maths.importance import ImportanceWeights, group_sizes
from vae_lab.seeding import RngStream


class NLL(Measure):
    """-log p(x), with the posterior as the proposal: in expectation an upper bound that decreases with K.

    -L_K = -log 1/K sum_k p(x, z_k) / q(z_k | x),  z_k ~ q(z | x)

    Burda et al. 2016, https://arxiv.org/abs/1509.00519. `nll_at_1`, `nll_at_10`, ... are the same bound with fewer of
    the samples: if they still decrease at K, then K is too small. The effective sample size, (sum w)^2 / sum w^2, says
    how many of the K samples carry weight.

    Args:
        num_samples: K, latent samples for each image.
    """

    def __init__(self, num_samples: Size = 5000) -> None:
        self.num_samples = num_samples

    def unavailable_reason(self, context: EvaluationContext) -> str | None:
        return no_elbo(context)

    def __call__(self, context: EvaluationContext) -> dict[str, Estimate]:
        # All results are allocated at once: thousands of small tensors that outlive the large tensors of their blocks
        # would fragment the memory.
        num_images = len(context.images.x)
        curve = {num: torch.empty(num_images, dtype=torch.float64) for num in group_sizes(self.num_samples)}
        effective = torch.empty(num_images, dtype=torch.float64)
        start = 0
        for block in blocks(context, self.num_samples, RngStream.IMPORTANCE, "nll"):
            weights = ImportanceWeights(self.num_samples)
            for trace in block.traces:
                weights.add(trace.log_w())
            here = slice(start, start + len(block.x))
            for num, bound in weights.curve().items():
                curve[num][here] = -bound
            effective[here] = weights.effective_sample_size()
            start = here.stop

        estimator = "importance sampling, -L_K, an upper bound"
        least = least_nats(context)
        at = {
            num: over_images(nlls, estimator, num_samples=num)._replace(at_least=least) for num, nlls in curve.items()
        }
        nll = at.pop(self.num_samples)
        how = "(sum w)^2 / sum w^2"
        return {
            "nll": nll,
            **code_length(context, nll),
            **{f"nll_at_{num}": estimate for num, estimate in at.items()},
            "effective_sample_size": over_images(effective, f"{how}, mean over images", num_samples=self.num_samples),
            "effective_sample_size_min": Estimate(
                effective.min().item(), f"{how}, minimum over images", len(effective), num_samples=self.num_samples
            ),
        }
