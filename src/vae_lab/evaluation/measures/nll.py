"""The negative log-likelihood by importance sampling."""

import torch

from vae_lab.configuration.options import PositiveInt
from vae_lab.evaluation.blocks import blocks
from vae_lab.evaluation.measure import Estimate, Measure, Subject, code_length, no_elbo, over_images
from vae_lab.maths.importance import ImportanceWeights, levels
from vae_lab.seeding import Stream


class NLL(Measure):
    """-log p(x), with the posterior as the proposal: in expectation an upper bound that falls as K grows.

    -L_K = -log 1/K sum_k p(x, z_k) / q(z_k | x)

    Burda et al. 2016, https://arxiv.org/abs/1509.00519. `nll_at_1`, `nll_at_10`, ... are the same bound of fewer of the
    samples: where they still fall at K, K is too small. The effective sample size says how many of the K carry weight.

    Args:
        num_samples: K, latent samples for each image.
    """

    def __init__(self, num_samples: PositiveInt = 5000) -> None:
        self.num_samples = num_samples

    def refusal(self, subject: Subject) -> str | None:
        return no_elbo(subject)

    def __call__(self, subject: Subject) -> dict[str, Estimate]:
        # Room for all results at once: thousands of small tensors that outlive the large ones of their blocks would
        # leave holes in memory that no block fits into.
        num_images = len(subject.images.x)
        curve = {num: torch.empty(num_images, dtype=torch.float64) for num in levels(self.num_samples)}
        effective = torch.empty(num_images, dtype=torch.float64)
        start = 0
        for block in blocks(subject, self.num_samples, Stream.IMPORTANCE, "nll"):
            weights = ImportanceWeights(self.num_samples)
            for trace in block.traces:
                weights.add(trace.log_w())
            here = slice(start, start + len(block.x))
            for num, bound in weights.curve().items():
                curve[num][here] = -bound
            effective[here] = weights.effective_sample_size()
            start = here.stop

        estimator = "importance sampling, -L_K, an upper bound"
        at = {num: over_images(nlls, estimator, num_samples=num) for num, nlls in curve.items()}
        nll = at.pop(self.num_samples)
        how = "(sum w)^2 / sum w^2"
        return {
            "nll": nll,
            **code_length(subject, nll),
            **{f"nll_at_{num}": estimate for num, estimate in at.items()},
            "effective_sample_size": over_images(effective, f"{how}, mean over images", num_samples=self.num_samples),
            "effective_sample_size_min": Estimate(
                effective.min().item(), f"{how}, least of the images", len(effective), num_samples=self.num_samples
            ),
        }
