"""The ELBO and its two parts."""

import torch

from vae_lab.configuration.options import Size
from vae_lab.evaluation.blocks import blocks
from vae_lab.evaluation.measure import (
    Estimate,
    EvaluationContext,
    Measure,
    code_length,
    least_nats,
    no_encoder,
    over_images,
)
from vae_lab.seeding import RngStream


class Bounds(Measure):
    """The ELBO, the rate and the distortion, independent of the training objective.

    ELBO = -(distortion + rate),  distortion = -E_q[log p(x | z)],  rate = KL(q(z | x) || p(z))

    The KL is computed in closed form if there is one. Bits per dimension are those of -ELBO, an upper bound. A model
    whose codes have no density has the distortion only.

    Args:
        num_samples: L, latent samples for each image.
    """

    def __init__(self, num_samples: Size = 10) -> None:
        self.num_samples = num_samples

    def unavailable_reason(self, context: EvaluationContext) -> str | None:
        return no_encoder(context)

    def __call__(self, context: EvaluationContext) -> dict[str, Estimate]:
        distortions, rates = [], []
        for block in blocks(context, self.num_samples, RngStream.BOUNDS, "bounds"):
            distortion, rate = torch.zeros(2, len(block.x), dtype=torch.float64)
            for trace in block.traces:
                distortion -= trace.log_px.sum(0).cpu()
                if context.model.has_elbo:
                    rate += trace.kl().sum(0).cpu()
            distortions.append(distortion / self.num_samples)
            rates.append(rate / self.num_samples)
        distortion, rate = torch.cat(distortions), torch.cat(rates)  # (N,) each

        num = self.num_samples
        least = least_nats(context)
        of_pixels = over_images(distortion, "mean of -log p(x|z), z ~ q(z|x)", num_samples=num)
        estimates = {"distortion": of_pixels._replace(at_least=least)}
        if not context.model.has_elbo:
            return estimates
        kl = over_images(rate, "KL(q(z|x) || p(z)), in closed form if there is one", num_samples=num)
        estimates["rate"] = kl._replace(at_least=0.0)
        bound = over_images(-(distortion + rate), "-(distortion + rate)", num_samples=num)
        estimates["elbo"] = bound._replace(at_most=least)
        return estimates | code_length(
            context, over_images(distortion + rate, "-ELBO, an upper bound", num_samples=num)
        )
