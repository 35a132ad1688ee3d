"""Count the latent units that depend on the image."""

import torch
from torch import Tensor

from vae_lab.configuration.options import PositiveFloat, Size
from vae_lab.evaluation.blocks import blocks
from vae_lab.evaluation.measure import Estimate, EvaluationContext, Measure, no_elbo
from vae_lab.seeding import RngStream


class ActiveUnits(Measure):
    """The units whose posterior mean varies with the image: Var_x(E_q[z_d]) > threshold.

    Burda et al. 2016, appendix C, https://arxiv.org/abs/1509.00519. The posterior mean is estimated from L samples, and
    the variance that their noise adds, the mean of Var_q[z_d] / L, is subtracted. So it works for every posterior and
    every layer.

    Args:
        threshold: the variance, in units of z, above which a unit counts.
        num_samples: L, latent samples for each image, two at least.
    """

    def __init__(self, threshold: PositiveFloat = 0.01, num_samples: Size = 64) -> None:
        if num_samples < 2:
            raise ValueError(f"num_samples={num_samples}: expected at least 2, to estimate the variance of the samples")
        self.threshold = threshold
        self.num_samples = num_samples

    def unavailable_reason(self, context: EvaluationContext) -> str | None:
        if context.model.space != "real":
            return "the latent variables are not real vectors, so their variance is not defined"
        if len(context.images.x) < 2:
            return "the variance over images needs at least 2 images"
        return no_elbo(context)

    def __call__(self, context: EvaluationContext) -> dict[str, Estimate]:
        means: list[list[Tensor]] = []  # of each block, of each layer: (I, D)
        noises: list[list[Tensor]] = []
        for block in blocks(context, self.num_samples, RngStream.UNITS, "active_units"):
            sums: list[Tensor] = []
            squares: list[Tensor] = []
            for trace in block.traces:
                zs = [latent.z.cpu().double() for latent in trace.latents]  # (S, I, D) each
                more, more_squares = [z.sum(0) for z in zs], [z.square().sum(0) for z in zs]
                sums = [a + b for a, b in zip(sums, more, strict=True)] if sums else more
                squares = [a + b for a, b in zip(squares, more_squares, strict=True)] if squares else more_squares
            means.append([total / self.num_samples for total in sums])
            noises.append(
                [
                    (square - total.square() / self.num_samples) / (self.num_samples - 1)
                    for total, square in zip(sums, squares, strict=True)
                ]
            )
        estimates = {}
        num_layers = len(means[0])
        for layer in range(num_layers):
            mean = torch.cat([block[layer] for block in means])  # (N, D)
            noise = torch.cat([block[layer] for block in noises])
            variance = mean.var(0) - noise.mean(0) / self.num_samples  # (D,)
            name = "active_units" if num_layers == 1 else f"active_units_of_layer_{num_layers - layer}"
            estimates[name] = self._estimate(variance, len(mean))
        return estimates

    def _estimate(self, variance: Tensor, num_images: int) -> Estimate:
        active = (variance > self.threshold).nonzero().flatten().tolist()
        return Estimate(
            len(active),
            f"units of {len(variance)} with Var_x(E_q[z]) > {self.threshold}",
            num_images,
            num_samples=self.num_samples,
            details={"threshold": self.threshold, "units": active, "variances": variance.tolist()},
        )
