"""The variational Rényi bound."""

from torch import Tensor

from vae_lab.configuration.options import Size
from vae_lab.maths import bounds
from vae_lab.models.latent_model import LatentModel
from vae_lab.objectives.objective import EpochRule, Loss, Objective
from vae_lab.objectives.terms import sampled_terms


class Renyi(Objective):
    """The negative variational Rényi bound of K samples.

    loss = -E[1 / (1 - alpha) log 1/K sum_k w_k^(1 - alpha)],  w_k = p(x, z_k) / q(z_k | x)

    Between alpha = 1, the negative ELBO, and alpha = 0, that of `IWAE`, it weighs how much q may leave out of the
    posterior. For alpha < 0 it may lie on either side of log p(x), so that the term is logged as `estimate` and not as
    `bound`. Li & Turner 2016, https://arxiv.org/abs/1602.02311.

    Args:
        alpha: the order of the divergence, any number.
        num_samples: latent samples K for each image; 1 is the ELBO for any alpha.
    """

    posterior_density = "required"
    sample_density = "always"
    fits_prior = True
    fits_likelihood = True
    needs_batch = False
    needs_diagonal = False
    needs_fixed_prior = False
    needs_real_codes = False

    def __init__(self, alpha: float = 0.5, num_samples: Size = 5) -> None:
        super().__init__()
        self.alpha = alpha
        self.num_samples = num_samples

    def forward(self, model: LatentModel, x: Tensor, c: Tensor | None = None) -> Loss:
        trace = model.trace(x, c, num_samples=self.num_samples)
        value = bounds.renyi(trace.log_w(), self.alpha).mean()
        name = "bound" if self.alpha >= 0 else "estimate"
        return Loss(-value, {name: value.detach(), **sampled_terms(trace)})

    def epoch_rule(self) -> EpochRule:
        return "objective"
