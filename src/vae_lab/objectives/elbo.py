"""The evidence lower bound (ELBO), with a closed-form KL where there is one."""

from torch import Tensor

from vae_lab.configuration.options import Size
from vae_lab.maths import bounds
from vae_lab.models.latent_model import LatentModel
from vae_lab.objectives.objective import Loss, Objective


class ELBO(Objective):
    """The negative ELBO, with the KL in closed form where the posterior and the prior have one.

    loss = distortion + rate = -E_q[log p(x | z)] + KL(q(z | x) || p(z))

    Kingma & Welling 2014, equation 7, https://arxiv.org/abs/1312.6114.

    Args:
        num_samples: latent samples L for each image.
    """

    posterior_density = "required"
    sample_density = "where_needed"
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
        kl = trace.kl()
        elbo = bounds.elbo(trace.log_px, kl).mean()
        terms = {"elbo": elbo, "rate": kl.mean(), "distortion": -trace.log_px.mean()}
        return Loss(-elbo, {name: term.detach() for name, term in terms.items()})
