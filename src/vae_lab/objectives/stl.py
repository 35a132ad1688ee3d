"""Sticking the landing (STL): the ELBO with the path derivative for q."""

from torch import Tensor

from vae_lab.configuration.options import Size
from vae_lab.maths import bounds
from vae_lab.models.latent_model import LatentModel
from vae_lab.objectives.objective import Loss, Objective
from vae_lab.objectives.terms import sampled_terms


class StickingTheLanding(Objective):
    """The negative ELBO, with a gradient for q that leaves out the score term, whose mean is zero.

    gradient for q: E_q[d/dz (log p(x, z) - log q(z | x)) dz]

    If q is the exact posterior, this gradient has variance zero: Roeder et al. 2017,
    https://arxiv.org/abs/1703.09194.

    Args:
        num_samples: latent samples L for each image.
    """

    posterior_density = "required"
    sample_density = "path_only"
    fits_prior = True
    fits_likelihood = True
    needs_batch = False
    needs_diagonal = False
    needs_fixed_prior = False
    needs_real_codes = False

    def __init__(self, num_samples: Size = 1) -> None:
        super().__init__()
        self.num_samples = num_samples

    def forward(self, model: LatentModel, x: Tensor, c: Tensor | None = None) -> Loss:
        trace = model.trace(x, c, num_samples=self.num_samples, detach_params=True)
        return Loss(-bounds.monte_carlo_elbo(trace.log_w()).mean(), sampled_terms(trace))
