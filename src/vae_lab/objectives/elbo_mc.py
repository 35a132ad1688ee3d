"""The evidence lower bound (ELBO), with a Monte Carlo estimate of the KL."""

from torch import Tensor

from vae_lab.configuration.options import Size
from vae_lab.maths import bounds
from vae_lab.models.latent_model import LatentModel
from vae_lab.objectives.objective import Loss, Objective
from vae_lab.objectives.terms import sampled_terms


class MonteCarloELBO(Objective):
    """The negative ELBO, with the KL estimated from the samples even where it has a closed form.

    loss = -E_q[log p(x, z) - log q(z | x)]

    Kingma & Welling 2014, equation 6 (estimator A), https://arxiv.org/abs/1312.6114.

    Args:
        num_samples: latent samples L for each image.
    """

    posterior_density = "required"
    sample_density = "always"
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
        trace = model.trace(x, c, num_samples=self.num_samples)
        return Loss(-bounds.monte_carlo_elbo(trace.log_w()).mean(), sampled_terms(trace))
