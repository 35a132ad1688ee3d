"""The reconstruction alone."""

from torch import Tensor

from vae_lab.models.latent_model import LatentModel
from vae_lab.objectives.objective import Loss, Objective


class Autoencoder(Objective):
    """The distortion of a deterministic code: the plain autoencoder.

    loss = -log p(x | z(x))

    With a posterior that has a density it is refused: without a rate, noise in the code would only be a hindrance
    that training removes. Nothing draws the codes towards the prior, so the model has no samples.
    Kramer 1991, https://doi.org/10.1002/aic.690370209.
    """

    posterior_density = "absent"
    sample_density = "where_needed"
    fits_prior = False
    fits_likelihood = True
    needs_batch = False
    needs_diagonal = False
    needs_fixed_prior = False
    needs_real_codes = False

    def forward(self, model: LatentModel, x: Tensor, c: Tensor | None = None) -> Loss:
        distortion = -model.trace(x, c).log_px.mean()
        return Loss(distortion, {"distortion": distortion.detach()})
