"""Importance-weighted bounds, with their own gradients."""

from torch import Tensor

from vae_lab.maths import bounds
from vae_lab.model import LatentModel
from vae_lab.objectives.objective import Loss, Objective
from vae_lab.objectives.sampled import sampled_terms
from vae_lab.options import PositiveInt, Share


class IWAE(Objective):
    """The negative importance-weighted bound.

    loss = -E[log 1/K sum_k w_k],  w_k = p(x, z_k) / q(z_k | x)

    Burda et al. 2016, equation 8, https://arxiv.org/abs/1509.00519.

    Args:
        num_samples: latent samples K for each image; 1 is the ELBO.
    """

    sample_density = "always"

    def __init__(self, num_samples: PositiveInt = 5) -> None:
        super().__init__()
        self.num_samples = num_samples

    def forward(self, model: LatentModel, x: Tensor, c: Tensor | None = None) -> Loss:
        trace = model.trace(x, c, num_samples=self.num_samples)
        bound = bounds.importance_weighted(trace.log_w()).mean()
        return Loss(-bound, {"bound": bound.detach(), **sampled_terms(trace)})


class MIWAE(Objective):
    """The negative mean of several importance-weighted bounds.

    loss = -E[1/M sum_m log 1/K sum_k w_{m,k}]

    Rainforth et al. 2018, https://arxiv.org/abs/1802.04537.

    Args:
        num_outer: bounds M for each image.
        num_samples: latent samples K for each bound.
    """

    sample_density = "always"

    def __init__(self, num_outer: PositiveInt = 5, num_samples: PositiveInt = 5) -> None:
        super().__init__()
        self.num_outer = num_outer
        self.num_samples = num_samples

    def forward(self, model: LatentModel, x: Tensor, c: Tensor | None = None) -> Loss:
        trace = model.trace(x, c, num_samples=self.num_outer * self.num_samples)
        bound = bounds.multiply_importance_weighted(trace.log_w(), self.num_outer).mean()
        return Loss(-bound, {"bound": bound.detach(), **sampled_terms(trace)})


class CIWAE(Objective):
    """The negative mean of the ELBO and the importance-weighted bound, on the same samples.

    loss = -(beta ELBO + (1 - beta) L_K)

    Rainforth et al. 2018, https://arxiv.org/abs/1802.04537.

    Args:
        num_samples: latent samples K for each image.
        beta: the share of the ELBO.
    """

    sample_density = "always"

    def __init__(self, num_samples: PositiveInt = 5, beta: Share = 0.5) -> None:
        super().__init__()
        self.num_samples = num_samples
        self.beta = beta

    def forward(self, model: LatentModel, x: Tensor, c: Tensor | None = None) -> Loss:
        trace = model.trace(x, c, num_samples=self.num_samples)
        bound = bounds.combined(trace.log_w(), self.beta).mean()
        return Loss(-bound, {"bound": bound.detach(), **sampled_terms(trace)})
