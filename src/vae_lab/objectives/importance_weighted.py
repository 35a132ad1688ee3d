"""Importance-weighted bounds, two of them with another gradient for q than that of their value.

PIWAE and DReG evaluate the model twice, so that parameters that q and p(x, z) share, as in a ladder, get one gradient
through q and another through p: see `vae_lab.maths.estimators`.
"""

from abc import ABC

from torch import Tensor

from vae_lab.configuration.options import PositiveInt, Size, UnitInterval
from vae_lab.maths import bounds, estimators
from vae_lab.models.latent_model import LatentModel, Trace
from vae_lab.objectives.objective import EpochRule, Loss, Objective
from vae_lab.objectives.terms import sampled_terms


class ImportanceWeighted(Objective, ABC):
    """An objective that sees the model through the log-weights of samples alone."""

    posterior_density = "required"
    fits_prior = True
    fits_likelihood = True
    needs_batch = False
    needs_diagonal = False
    needs_fixed_prior = False
    needs_real_codes = False

    def epoch_rule(self) -> EpochRule:
        return "objective"


class IWAE(ImportanceWeighted):
    """The negative importance-weighted bound.

    loss = -E[log 1/K sum_k w_k],  w_k = p(x, z_k) / q(z_k | x)

    Burda et al. 2016, equation 8, https://arxiv.org/abs/1509.00519.

    Args:
        num_samples: latent samples K for each image; with 1 the bound is the ELBO.
    """

    sample_density = "always"

    def __init__(self, num_samples: Size = 5) -> None:
        super().__init__()
        self.num_samples = num_samples

    def forward(self, model: LatentModel, x: Tensor, c: Tensor | None = None) -> Loss:
        trace = model.trace(x, c, num_samples=self.num_samples)
        bound = bounds.importance_weighted(trace.log_w()).mean()
        return Loss(-bound, {"bound": bound.detach(), **sampled_terms(trace)})


class MIWAE(ImportanceWeighted):
    """The negative mean of several importance-weighted bounds.

    loss = -E[1/M sum_m log 1/K sum_k w_{m,k}]

    Rainforth et al. 2018, https://arxiv.org/abs/1802.04537.

    Args:
        num_outer: bounds M for each image.
        num_samples: latent samples K for each bound.
    """

    sample_density = "always"

    def __init__(self, num_outer: PositiveInt = 5, num_samples: Size = 5) -> None:
        super().__init__()
        self.num_outer = num_outer
        self.num_samples = num_samples

    def forward(self, model: LatentModel, x: Tensor, c: Tensor | None = None) -> Loss:
        trace = model.trace(x, c, num_samples=self.num_outer * self.num_samples)
        bound = bounds.multiply_importance_weighted(trace.log_w(), self.num_outer).mean()
        return Loss(-bound, {"bound": bound.detach(), **sampled_terms(trace)})


class CIWAE(ImportanceWeighted):
    """The negative weighted mean of the ELBO and the importance-weighted bound, on the same samples.

    loss = -(beta ELBO + (1 - beta) L_K)

    Rainforth et al. 2018, https://arxiv.org/abs/1802.04537.

    Args:
        num_samples: latent samples K for each image.
        beta: the weight of the ELBO, in [0, 1].
    """

    sample_density = "always"

    def __init__(self, num_samples: Size = 5, beta: UnitInterval = 0.5) -> None:
        super().__init__()
        self.num_samples = num_samples
        self.beta = beta

    def forward(self, model: LatentModel, x: Tensor, c: Tensor | None = None) -> Loss:
        trace = model.trace(x, c, num_samples=self.num_samples)
        bound = bounds.combined(trace.log_w(), self.beta).mean()
        return Loss(-bound, {"bound": bound.detach(), **sampled_terms(trace)})


class PIWAE(ImportanceWeighted):
    """The negative importance-weighted bound of M K samples, with another gradient for q.

    loss = -E[log 1/(MK) sum_{m,k} w_{m,k}], whose gradient p(x, z) gets
    gradient for q: that of -E[1/M sum_m log 1/K sum_k w_{m,k}], the loss of `miwae`

    Rainforth et al. 2018, https://arxiv.org/abs/1802.04537.

    Args:
        num_outer: bounds M for each image.
        num_samples: latent samples K for each bound.
    """

    sample_density = "always"

    def __init__(self, num_outer: PositiveInt = 5, num_samples: Size = 5) -> None:
        super().__init__()
        self.num_outer = num_outer
        self.num_samples = num_samples

    def forward(self, model: LatentModel, x: Tensor, c: Tensor | None = None) -> Loss:
        trace = model.trace(x, c, num_samples=self.num_outer * self.num_samples)
        log_joint = log_joint_at_fixed_samples(model, x, trace, c)
        bound = estimators.partially_importance_weighted(trace.log_w(), log_joint, self.num_outer).mean()
        return Loss(-bound, {"bound": bound.detach(), **sampled_terms(trace)})


class DReG(ImportanceWeighted):
    """The negative importance-weighted bound, with the doubly reparameterised gradient for q.

    gradient for q: sum_k (w_k / sum w)^2 d/dz_k log w_k dz_k

    The value is that of `iwae`. Its signal-to-noise ratio does not fall as K grows, as that of `iwae` does: Tucker et
    al. 2019, https://arxiv.org/abs/1810.04152.

    Args:
        num_samples: latent samples K for each image; with 1 it is sticking the landing.
    """

    sample_density = "path_only"

    def __init__(self, num_samples: Size = 5) -> None:
        super().__init__()
        self.num_samples = num_samples

    def forward(self, model: LatentModel, x: Tensor, c: Tensor | None = None) -> Loss:
        trace = model.trace(x, c, num_samples=self.num_samples, detach_params=True)
        log_joint = log_joint_at_fixed_samples(model, x, trace, c)
        bound = estimators.doubly_reparameterized(trace.log_w(), log_joint).mean()
        return Loss(-bound, {"bound": bound.detach(), **sampled_terms(trace)})


def log_joint_at_fixed_samples(model: LatentModel, x: Tensor, trace: Trace, c: Tensor | None) -> Tensor:
    """Return log p(x, z) at the detached samples of a pass, with a gradient for p alone: of shape (K, B)."""
    return model.log_joint(x, [latent.z.detach() for latent in trace.latents], c)
