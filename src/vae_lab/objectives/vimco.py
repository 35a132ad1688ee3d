"""VIMCO: the importance-weighted bound with a score-function gradient."""

from torch import Tensor

from vae_lab.configuration.options import AtLeastTwo
from vae_lab.maths import score_function
from vae_lab.models.latent_model import LatentModel
from vae_lab.objectives.objective import EpochRule, Loss, Objective
from vae_lab.objectives.terms import sampled_terms


class VIMCO(Objective):
    """The negative importance-weighted bound, with a gradient for q that does not pass through the samples.

    loss = -E[log 1/K sum_k w_k],  w_k = p(x, z_k) / q(z_k | x)

    The baseline of each sample is the bound that the other samples would give: Mnih & Rezende 2016,
    https://arxiv.org/abs/1602.06725.

    Args:
        num_samples: latent samples K for each image, at least 2.
    """

    posterior_density = "required"
    sample_density = "fixed"
    fits_prior = True
    fits_likelihood = True
    needs_batch = False
    needs_diagonal = False
    needs_fixed_prior = False
    needs_real_codes = False

    def __init__(self, num_samples: AtLeastTwo = 5) -> None:
        super().__init__()
        self.num_samples = num_samples

    def forward(self, model: LatentModel, x: Tensor, c: Tensor | None = None) -> Loss:
        trace = model.trace(x, c, num_samples=self.num_samples, reparameterize=False)
        bound = score_function.vimco(trace.log_joint(), trace.log_q()).mean()
        return Loss(-bound, {"bound": bound.detach(), **sampled_terms(trace)})

    def epoch_rule(self) -> EpochRule:
        return "objective"
